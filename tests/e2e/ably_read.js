// What the real `ably` SDK makes of messages that kably published: reads the history of channels, decrypts where
// a key is given. Gets {host, port, key, binary, channels: [{name, cipher}]} as JSON in its argument, prints
// {name: [message]} as one line of JSON. Nothing is judged here.
const Ably = require('ably');
const { host, port, key, binary, channels } = JSON.parse(process.argv[2]);
const rest = new Ably.Rest({ endpoint: host, port, tls: false, useBinaryProtocol: binary, key, useTokenAuth: true });
const data = (value) => (Buffer.isBuffer(value) ? { bytes: value.toString('hex') } : { value });
const shown = (message) => ({
  ...Object.fromEntries(['id', 'name', 'clientId', 'encoding', 'extras'].map((name) => [name, message[name]])),
  ...data(message.data),
});

async function main() {
  const seen = {};
  for (const { name, cipher } of channels) {
    const options = cipher ? { cipher: { key: cipher } } : undefined;
    const history = await rest.channels.get(name, options).history({ direction: 'forwards', limit: 1000 });
    seen[name] = history.items.map(shown);
  }
  console.log(JSON.stringify(seen));
}

main();
