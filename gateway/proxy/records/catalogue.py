"""Every figure of the gateway, for the reference page and for those who write alerts.

What is rendered comes from the parts themselves; a test holds both together, so that no figure
is shown which nobody can look up.
"""

from __future__ import annotations

from typing import NamedTuple


class Figure(NamedTuple):
    """One line of the reference. The name is the one without `quintet_gateway_`."""

    name: str
    kind: str
    labels: tuple[str, ...]
    says: str


_ROUTE = ("route", "service")
_REPLICA = ("service", "replica")
_SERVICE = ("service",)
_LIMIT = ("policy", "route")

FIGURES = (
    # What the data path counts
    Figure("requests_total", "counter", (*_ROUTE, "method", "status"),
        "Requests that are over. The status is `2xx` … `5xx`, `left` (the client did not "
        "wait) or `cut` (broken off)."),
    Figure("request_seconds", "histogram", _ROUTE,
        "From the head of a request to the end of its answer."),
    Figure("sent_bytes_total", "counter", _ROUTE, "Bytes of bodies sent to clients."),
    Figure("received_bytes_total", "counter", _ROUTE, "Bytes of bodies received from clients."),
    Figure("failures_total", "counter", ("service", "reason"),
        "Requests that failed for us, by service and reason."),
    Figure("in_flight", "gauge", (), "Requests being served."),
    Figure("connections", "gauge", (), "Clients that are connected."),
    Figure(
        "malformed_total", "counter", (),
        "Requests that were no HTTP, answered before any route was looked for.",
    ),
    # The services behind
    Figure("upstream_answers_total", "counter", (*_REPLICA, "status"),
        "Answers of replicas, by status."),
    Figure("upstream_errors_total", "counter", (*_REPLICA, "reason"),
        "Tries that came to nothing, by reason."),
    Figure("upstream_first_byte_seconds", "histogram", _REPLICA,
        "From asking a replica to the head of its answer."),
    Figure("upstream_seconds", "histogram", _REPLICA,
        "From asking a replica to the end of its answer."),
    Figure("pool_connections", "gauge", ("service", "state"),
        "Connections to services: idle, busy, and requests that wait for one."),
    Figure("replica_fit", "gauge", _REPLICA, "Whether the replica gets requests."),
    Figure("replica_busy", "gauge", _REPLICA, "Requests at the replica or on the way to it."),
    Figure("replica_ejections_total", "counter", _SERVICE,
        "Replicas passed over because requests failed."),
    Figure("cluster_panic", "gauge", _SERVICE, "Whether no replica is fit, so that all are used."),
    Figure("announcements_total", "counter", (), "Announcements of replicas heard on the bus."),
    Figure("announcements_refused_total", "counter", (), "Announcements that were not taken."),
    # What keeps it standing
    Figure("admission_in_flight", "gauge", _SERVICE, "Exchanges with a service."),
    Figure("admission_limit", "gauge", _SERVICE, "How many are let in at once; it adapts."),
    Figure("admission_waiting", "gauge", _SERVICE, "Requests in the line."),
    Figure("shed_total", "counter", _SERVICE, "Requests turned away."),
    Figure("breaker_state", "gauge", _SERVICE, "0 closed, 1 half-open, 2 open."),
    Figure("breaker_opened_total", "counter", _SERVICE, "Openings."),
    Figure("retries_total", "counter", _SERVICE, "Requests sent again."),
    Figure("retries_refused_total", "counter", _SERVICE, "Retries that the budget did not allow."),
    # Connections that became something else, and contracts
    Figure("streams_open", "gauge", (), "Event streams and WebSockets open now."),
    Figure("streams_most", "gauge", (), "How many there may be."),
    Figure("streams_refused_total", "counter", (), "Streams for which was no room."),
    Figure("websockets_open", "gauge", (), "WebSockets open now."),
    Figure("websockets_opened_total", "counter", (), "WebSockets opened."),
    Figure("websocket_bytes_total", "counter", ("direction",), "Bytes of WebSockets passed on."),
    Figure("contract_operations", "gauge", _SERVICE,
        "Operations that need somebody known, by contract."),
    Figure("contract_failures_total", "counter", (), "Times a service did not tell its contract."),
    # Limits
    Figure("limit_refused_total", "counter", _LIMIT, "Refused by a limit."),
    Figure("limit_keys", "gauge", _LIMIT, "Keys that a limit remembers."),
    Figure("limit_evicted_total", "counter", _LIMIT, "Keys forgotten early."),
    Figure("limit_store_up", "gauge", (), "Whether limits are counted in Redis now."),
    Figure("limit_store_failures_total", "counter", ("reason",), "How often Redis failed us."),
    Figure("limit_counted_in_memory_total", "counter", (),
        "Requests counted in memory because the store was away."),
    # The shared cache
    Figure("cache_requests_total", "counter", ("result",),
        "Requests on cached routes: hits, asked, passed."),
    Figure("cache_answers_total", "counter", ("how",), "Answers of the cache, by what they took."),
    Figure("cache_entries", "gauge", (), "Stored answers."),
    Figure("cache_bytes", "gauge", (), "Bytes that stored answers take."),
    Figure("cache_limit_bytes", "gauge", (), "Bytes that they may take."),
    Figure("cache_evicted_total", "counter", (), "Answers forgotten for want of room."),
    Figure("cache_purged_total", "counter", (), "Answers forgotten because they had changed."),
    # Who asks
    Figure("sessions_cached", "gauge", (), "Sessions whose tokens are at hand."),
    Figure("bearer_cached", "gauge", (), "Verified tokens at hand."),
    Figure("bearer_verified_total", "counter", (), "Tokens verified."),
    Figure("bearer_refused_total", "counter", ("reason",), "Tokens not accepted."),
    Figure(
        "bearer_floods_total", "counter", (),
        "Tokens and sessions not looked at: too many bad ones from there.",
    ),
    Figure("streams_ended_total", "counter", (), "Open streams ended with their sign-in."),
    Figure("keys", "gauge", (), "Keys that verify tokens."),
    Figure("keys_age_seconds", "gauge", (), "Since they were last fetched."),
    Figure("keys_fetches_total", "counter", (), "Times we asked auth for them."),
    Figure("keys_failures_total", "counter", (), "Times it did not tell."),
    Figure("revocations_current", "gauge", (), "Whether we surely know which sessions have ended."),
    Figure("revocations_remembered", "gauge", (), "Revoked sessions and users remembered."),
    Figure("revocations_asked_total", "counter", (),
        "Times auth was asked which sessions have ended."),
    Figure("revocations_unanswered_total", "counter", (), "Times it did not answer."),
    # The bus
    Figure("bus_hears", "gauge", (), "Whether events reach us."),
    Figure("bus_deaf_seconds", "gauge", (), "How long they have not."),
    Figure("bus_gaps_total", "counter", (), "Times that events may have passed us by."),
    Figure("bus_heard_total", "counter", ("type",), "Events heard."),
    Figure("bus_unreadable_total", "counter", (), "Events that we could not read."),
    # Routes
    Figure("routes", "gauge", (), "Routes in force."),
    Figure("routes_age_seconds", "gauge", (), "How long these routes are in force."),
    Figure("routes_loaded_total", "counter", (), "Routes files taken."),
    Figure("routes_refused_total", "counter", (), "Routes files refused."),
    # The process
    Figure("loop_lag_seconds", "gauge", (),
        "Longest delay of the event loop in the last 15 seconds."),
    Figure("loop_late_seconds_total", "counter", (),
        "Time by which the event loop was late, added up."),
    Figure("log_lines_dropped_total", "counter", (), "Log lines that nobody read in time."),
    Figure("log_waiting_bytes", "gauge", (), "Log lines not yet written."),
    Figure("figures_unknown", "gauge", ("part",), "1 for each part whose figures cannot be read."),
    Figure("process_cpu_seconds_total", "counter", (), "CPU time used."),
    Figure("process_start_time_seconds", "gauge", (), "When it started (Unix)."),
    Figure("process_resident_memory_bytes", "gauge", (), "Memory in use."),
    Figure("process_open_fds", "gauge", (), "Open files and sockets."),
    Figure("process_max_fds", "gauge", (), "Most of them."),
    Figure("python_gc_collections_total", "counter", ("generation",),
        "Runs of the garbage collector."),
)  # fmt: skip
