-- What docker/compose.yaml runs: the topic "orders" of its Kafka, to the local Ably that shares kably's network.
-- For Ably itself: drop endpoint, port and tls, and set ABLY_API_KEY to a key of yours.

kafka {
  ["bootstrap.servers"] = env("KAFKA_BOOTSTRAP", "kafka:9092"),
  ["group.id"] = "kably",
}

ably {
  key = env "ABLY_API_KEY",
  endpoint = "127.0.0.1",
  port = 8090,
  tls = false,
}

topic "orders" {
  value = "json",
  channel = "orders:#{key}",
  name = "order",
  on_error = "dlq",
}

dead_letter { topic = "kably-dlq" }

-- From outside the container: /livez and /readyz for everybody, /metrics and /status with the token.
admin {
  listen = "0.0.0.0:8088",
  token = env "KABLY_ADMIN_TOKEN",
}
