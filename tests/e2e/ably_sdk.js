// What the real `ably` SDK makes of the local Ably: publishes, reads back, asks for tokens, meets refusals.
// Gets {host, port, key, binary} as JSON in its argument, prints what it saw as one line of JSON. Nothing is
// judged here.
const Ably = require('ably');
const { host, port, key, binary } = JSON.parse(process.argv[2]);

const where = { endpoint: host, port, tls: false, useBinaryProtocol: binary };
const client = () =>
  new Ably.Rest({ ...where, key, useTokenAuth: true, defaultTokenParams: { clientId: '*' } });
const shown = (message) => ({
  ...Object.fromEntries(['id', 'name', 'clientId', 'encoding', 'extras'].map((name) => [name, message[name]])),
  data: Buffer.isBuffer(message.data) ? { bytes: message.data.toString('hex') } : message.data,
});
const failure = (promise) =>
  promise.then(
    () => null,
    (error) => ({ code: error.code, statusCode: error.statusCode }),
  );

async function publishing(rest, other, seen) {
  const channel = rest.channels.get('sdk: plain/ä');
  await channel.publish('text', 'héllo\n');
  await channel.publish('object', { a: [1, 2.5, null, true], 'ü': 'x' });
  await channel.publish('bytes', Buffer.from([0, 1, 0xff]));
  await channel.publish([
    { id: 'set:0', name: 'one', data: [], extras: { headers: { n: 1, s: 'x' } } },
    { id: 'set:1', name: 'two', clientId: 'somebody' },
  ]);
  await channel.publish([{ id: 'set:0' }, { id: 'set:1' }]); // a repeat: taken, and dropped
  await channel.publish('ümlaut', '');
  const history = await channel.history({ direction: 'forwards' });
  seen.history = history.items.map(shown);

  const secret = rest.channels.get('sdk:secret', { cipher: { key: Buffer.alloc(32, 7) } });
  await secret.publish('bytes', Buffer.from([9, 8]));
  await secret.publish('object', { hidden: true });
  seen.decrypted = (await secret.history({ direction: 'forwards' })).items.map(shown);
  seen.encrypted = (await other.channels.get('sdk:secret').history()).items.map((m) => m.encoding);
}

async function paging(rest, seen) {
  const channel = rest.channels.get('sdk:pages');
  for (let i = 0; i < 7; i++) await channel.publish('n', String(i));
  seen.pages = [];
  let last;
  for (let page = await channel.history({ limit: 3 }); page; page = await page.next()) {
    seen.pages.push(page.items.map((m) => m.data));
    last = page;
  }
  seen.again = [await last.first(), await last.current()].map((page) => page.items.map((m) => m.data));
}

async function batches(rest, seen) {
  const specs = [
    { channels: ['sdk:a', 'sdk:b'], messages: [{ id: 'x', data: 'for both' }] },
    { channels: ['sdk:a', ':bad'], messages: { data: 'half' } },
  ];
  seen.batch = await rest.batchPublish(specs);
}

async function tokens(rest, seen) {
  const capability = JSON.stringify({ 'only:*': ['publish'] });
  const details = await rest.auth.requestToken({ capability, clientId: 'me', ttl: 60000 });
  seen.token = { ...details, token: typeof details.token, lives: details.expires - details.issued };
  const narrow = new Ably.Rest({ ...where, token: details.token });
  await narrow.channels.get('only:this').publish('n', 'allowed');
  seen.narrow = {
    publish: await failure(narrow.channels.get('other').publish('n', 'x')),
    history: await failure(narrow.channels.get('only:this').history()),
  };
  const asked = new Ably.Rest({
    ...where,
    authCallback: (params, done) =>
      rest.auth.createTokenRequest({ clientId: 'asked' }).then((request) => done(null, request), done),
  });
  await asked.channels.get('only:asked').publish('n', 'x');
  seen.asked = (await asked.channels.get('only:asked').history()).items.map((m) => m.clientId);
  seen.unknown = await failure(new Ably.Rest({ ...where, token: 'app.unknown' }).channels.get('x').publish('n', 'x'));
  const forged = new Ably.Rest({ ...where, key: key + 'x', useTokenAuth: true });
  seen.forged = await failure(forged.channels.get('x').publish('n', 'x'));
}

async function main() {
  const rest = client();
  const seen = { time: await rest.time() };
  seen.type = (await rest.request('GET', '/channels/none/messages', 6)).headers['content-type'];
  await publishing(rest, client(), seen);
  await paging(rest, seen);
  await batches(rest, seen);
  await tokens(rest, seen);
  console.log(JSON.stringify(seen));
}

main();
