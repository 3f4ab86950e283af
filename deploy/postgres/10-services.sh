#!/bin/sh
# Runs once, when the data volume is empty: a database and a role for each service.
# A role owns its database and can reach no other one.
set -eu

for service in auth catalog shop; do
    password=$(cat "/run/secrets/${service}_database_password")
    psql --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
        --set name="quintet_$service" --set password="$password" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done

psql --quiet --username "$POSTGRES_USER" --dbname postgres \
    --command 'REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC'
