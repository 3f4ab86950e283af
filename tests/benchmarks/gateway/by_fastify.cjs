// A proxy by the npm package @fastify/http-proxy, as its manual shows it.
const [port, upstream, modules] = process.argv.slice(2)
const from = require('node:module').createRequire(modules + '/')
const server = from('fastify')()
server.register(from('@fastify/http-proxy'), { upstream })
server.listen({ port: Number(port), host: '127.0.0.1' })
