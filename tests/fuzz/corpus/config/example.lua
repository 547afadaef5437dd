-- A kably file to start from. Check it with `kably check FILE`, run it with `kably run FILE`.
-- All options, with their bounds and defaults: `kably options`.

-- Where the records come from: any consumer property of librdkafka.
kafka {
  ["bootstrap.servers"] = env("KAFKA_BOOTSTRAP", "localhost:9092"),
  ["group.id"] = "kably",
  -- ["security.protocol"] = "sasl_ssl",
  -- ["sasl.mechanisms"] = "SCRAM-SHA-512",
  -- ["sasl.username"] = env "KAFKA_USERNAME",
  -- ["sasl.password"] = file "/run/secrets/kafka-password",
}

-- Where the messages go. A secret belongs into the environment or a file of its own, not in here.
ably {
  key = "a.b:c", -- or file "/run/secrets/ably"
  client_id = "kably",
}

-- How requests are packed. These are the defaults.
publish {
  concurrency = 10,          -- requests in flight
  linger_ms = 100,           -- how long a message may wait for company, at most
  max_records = 1000,        -- of one request
  max_bytes = "512KiB",      -- of one request
  requests_per_second = 100, -- 0 = no limit
  ordering = "channel",      -- keep each channel's order
}

-- What every topic block below takes unless it says otherwise.
defaults {
  on_error = "stop", -- or "skip", "dlq", or { decode = "dlq", publish = "dlq", default = "stop" }
}

-- Which topics, and where their records go. The first block that matches a topic takes it.
topic "orders" {
  value = "json",
  channel = "orders:#{key}",
  name = "order",
}

topic { "audit", "^audit\\..*" } {
  channel = "audit:#{topic}",
  null_value = "skip",
}

-- Records that fail may go to a topic of their own, with the reason in their headers.
-- dead_letter { topic = "kably-dlq" }

limits {
  workers = 1,
  memory = "256MiB",
  drain_ms = 5000,
}

log { level = "info", format = "text" }
