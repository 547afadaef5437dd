-- What `kably demo` runs on. It is a configuration like any other: `kably check config/demo.lua`
-- reads it, and with the variables below it runs against any Kafka and any Ably.
--
-- The demo writes believable records to three topics of a Kafka of its own and subscribes to the
-- channels that this file sends them to. Change something, run it again, and see what becomes of it.

-- Where the records come from. env takes a variable of the environment, or what stands behind it.
kafka {
  ["bootstrap.servers"] = env("KAFKA_BOOTSTRAP", "localhost:9092"),
  ["group.id"] = "kably-demo",
  ["fetch.wait.max.ms"] = 5, -- the demo's Kafka holds an empty answer back that long; a real one doesn't
}

-- Where the messages go: the demo's local Ably, or with --real the one you have an account with.
ably {
  key = env("ABLY_API_KEY", "demo.key:secret"), -- in earnest: env "ABLY_API_KEY", without a default
  endpoint = env("ABLY_ENDPOINT", nil),         -- nil: Ably's own hosts
  port = tonumber(env("ABLY_PORT", "0")),       -- 0: the usual one
  tls = env("ABLY_TLS", "yes") == "yes",
}

-- An order: { "order": 1001, "user": "ada", "status": "paid", "total": 329.00 }
-- Each user has a channel, and the message's name says what happened. One of the demo's orders
-- breaks off in the middle. It goes to the dead-letter topic with the reason in its headers, and
-- the others go on. Try "skip", or "stop": then the daemon ends there, and says where.
topic "orders" {
  value = "json",
  channel = "demo:orders:#{value.user}",
  name = "#{value.status}",
  on_error = "dlq",
}

-- A line of chat: { "room": "lobby", "from": "Ada", "text": "..." }
-- The records' key is the room. Each message is published in the name of who wrote it.
topic "chat" {
  channel = "demo:chat:#{key}",
  name = "said",
  client_id = "#{value.from | lower}",
}

-- A reading: { "device": "truck-3", "tick": 1, "temp": 3.4, "door": "shut" }
-- The name tells whether the door is open; for a record without a door it would be "unknown".
topic "telemetry" {
  channel = "demo:telemetry:#{value.device}",
  name = '#{value.door | default("unknown")}',
}

-- The topic that takes what on_error sends there; `orders` does.
dead_letter { topic = "demo-dead-letters" }

-- Health, metrics and a status page; with port 0 the demo takes any free port and says which.
admin { listen = "127.0.0.1:0" }

-- What somebody should know of; "info" tells what kably does.
log { level = "warn" }
