// What Ably's own reader makes of MessagePack bodies. Gets a list of them in hex as JSON on standard input, prints the
// list of values as one line of JSON, bytes as {"base64": ...}. Nothing is judged here.
const msgpack = require('@ably/msgpack-js');

const shown = (value) => {
  if (Buffer.isBuffer(value)) return { base64: value.toString('base64') };
  if (Array.isArray(value)) return value.map(shown);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, shown(one)]));
};

let text = '';
process.stdin.on('data', (piece) => (text += piece));
process.stdin.on('end', () => {
  const values = JSON.parse(text).map((hex) => msgpack.decode(Buffer.from(hex, 'hex')));
  console.log(JSON.stringify(values.map(shown)));
});
