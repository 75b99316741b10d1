import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { echo, okHead, request, startServer, type TestServer } from '../../../../test/http1-client.ts';
import { createBodyPace } from '../../rules/pace.ts';
import type { Incoming } from '../incoming.ts';
import type { ClientLimits } from '../options.ts';

let server: TestServer | undefined;
afterEach(() => server?.close());

/** Much faster than by default. */
const FAST: ClientLimits = {
  firstByteMs: 1_000,
  headMs: 100,
  idleMs: 200,
  bodyStallMs: 100,
  bodyBytesPerSecond: 1_024,
  bodyGraceMs: 50,
  writeStallMs: 200,
  lingerMs: 50,
  halfCloseMs: 60,
  maxHeadBytes: 32_768,
  maxFields: 100,
  extraMethods: new Set(),
  discardBytes: 1_048_576,
  heldBytes: 65_536,
};

async function start(
  onRequest: (incoming: Incoming) => void,
  limits: Partial<ClientLimits> = {},
): Promise<TestServer> {
  server = await startServer(onRequest, { limits: { ...FAST, ...limits } });
  return server;
}

describe('a client', () => {
  it('that never sends a byte is closed without an answer', async () => {
    const { client } = await start(echo);
    assert.equal(await (await client()).closed(), '');
  });

  it('that does not finish its head gets 408, also behind a good request', async () => {
    const { client, refused } = await start(echo, { firstByteMs: 60_000, idleMs: 60_000 });
    const first = await client();
    first.send('GET /a HTTP/1.1\r\nHost: h\r\nX: ');
    assert.match(await first.closed(), /^HTTP\/1\.1 408 Request Timeout\r\n[\s\S]*Connection: close/);
    const second = await client();
    second.send(`${request('/a')}G`);
    assert.match(await second.closed(), /GET \/a ;HTTP\/1\.1 408 /);
    const drip = await client();
    const dripping = setInterval(() => drip.send('x'), 20);
    drip.send('GET /');
    try {
      await drip.closed();
    } finally {
      clearInterval(dripping);
    }
    const silent = await client();
    silent.send('\r\n');
    assert.equal(await silent.closed(), '');
    assert.deepEqual(refused, ['request-timeout', 'request-timeout', 'request-timeout']);
  });

  it('that is slow but within the limit is served', async () => {
    const { client } = await start(echo, { headMs: 60_000, firstByteMs: 60_000 });
    const { send, until } = await client();
    for (const part of ['GET /a HT', 'TP/1.1\r\nHo', 'st: h\r\n', '\r\n']) {
      send(part);
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    await until(/GET \/a ;$/);
  });

  it('that has no further request is closed after a while, and its next request begins a new while', async () => {
    const { client } = await start(echo, { firstByteMs: 60_000, idleMs: 1_500 });
    const { send, until, closed } = await client();
    for (const path of ['/1', '/2', '/3', '/4']) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      send(request(path));
      await until(new RegExp(`GET ${path} ;$`));
    }
    assert.match(await closed(), /GET \/4 ;$/);
    const withBody = await client();
    withBody.send(request('/5', 'Content-Length: 5\r\n', 'hello', 'POST'));
    assert.match(await withBody.closed(), /POST \/5 hello;$/);
  });

  it('that stops within a body is given up: 408, or cut when it had its answer', async () => {
    const { client } = await start((incoming) => {
      if (incoming.request.target.path === '/early') incoming.answer.send(okHead(), 'early');
      else echo(incoming);
    });
    const length = 'Content-Length: 50\r\n';
    const reading = await client();
    reading.send(request('/read', length, 'hello', 'POST'));
    assert.match(await reading.closed(), /^HTTP\/1\.1 408 [\s\S]*Connection: close/);
    const answered = await client();
    answered.send(request('/early', length, 'hello', 'POST'));
    assert.match(await answered.closed(), /early$/);
  });

  it('that drips a body below the minimum rate is given up', async () => {
    const { client } = await start(echo, { bodyStallMs: 400, bodyGraceMs: 300 });
    const { send, closed } = await client();
    send(request('/', 'Content-Length: 5000\r\n', '', 'POST'));
    const dripping = setInterval(() => send('x'), 20);
    try {
      assert.match(await closed(), /^HTTP\/1\.1 408 /);
    } finally {
      clearInterval(dripping);
    }
  });

  it('is not blamed for the time in which nobody reads its body or answers it', async () => {
    const { client } = await start((incoming) => setTimeout(echo, 400, incoming));
    const { send, until } = await client();
    send(request('/', 'Content-Length: 5\r\n', 'hello', 'POST'));
    await until(/POST \/ hello;$/);
  });

  it('that takes nothing of its answer is cut, and its back end told', async () => {
    let isClosed = false;
    const { client } = await start(({ answer }) => {
      answer.onClose = () => {
        isClosed = true;
      };
      answer.start(okHead());
      while (answer.write(Buffer.alloc(60_000)));
    });
    const { send, socket } = await client();
    socket.removeAllListeners('data');
    socket.pause();
    send(request('/'));
    await eventually('it is cut', () => isClosed);
  });

  it('that takes a little at first is not given the whole time once more', async () => {
    const writeStallMs = 5_000;
    let closedAtMs = 0;
    const { client } = await start(
      ({ answer }) => {
        answer.onClose = () => {
          closedAtMs = performance.now();
        };
        answer.start(okHead(30_000_000));
        answer.write(Buffer.alloc(20_000_000));
      },
      { writeStallMs },
    );
    const { send, socket } = await client();
    socket.removeAllListeners('data');
    let readAtMs = 0;
    let read = 0;
    socket.on('data', (bytes: Buffer) => {
      read += bytes.length;
      readAtMs = performance.now();
      if (read > 6_000_000) socket.pause();
    });
    send(request('/'));
    await eventually('it is cut', () => closedAtMs > 0);
    const tookMs = closedAtMs - readAtMs;
    assert.ok(tookMs > writeStallMs * 0.95 && tookMs < writeStallMs * 1.9, `after ${tookMs} ms`);
  });

  it('that takes nothing of its last answer cannot gain time by sending', async () => {
    const { client, listener } = await start(({ answer }) => answer.send(okHead(), Buffer.alloc(30_000_000)));
    const { send, socket } = await client();
    socket.removeAllListeners('data');
    socket.pause();
    send(request('/', 'Connection: close\r\n'));
    let drips = 0;
    const dripping = setInterval(() => {
      drips += 1;
      send('x');
    }, 20);
    try {
      await eventually('it is cut', () => drips > 3 && listener.connections() === 0);
    } finally {
      clearInterval(dripping);
    }
  });

  it('that takes its answer slowly gets all of it', async () => {
    const total = 12_000_000;
    const { client } = await start(({ answer }) => answer.send(okHead(), Buffer.alloc(total)), {
      writeStallMs: 2_500, // in all it takes a multiple of it
    });
    const { send, socket } = await client();
    let read = 0;
    socket.removeAllListeners('data');
    socket.on('data', (bytes: Buffer) => {
      read += bytes.length;
      if (Math.floor(read / 1_000_000) === Math.floor((read - bytes.length) / 1_000_000)) return;
      socket.pause();
      setTimeout(() => socket.resume(), 450);
    });
    send(request('/', 'Connection: close\r\n'));
    await eventually('all is read', () => read > total);
  });

  it('that has closed its side gets an answer that is quick', async () => {
    const { client } = await start((incoming) => void setTimeout(echo, 10, incoming), {
      halfCloseMs: 30_000,
    });
    const quick = await client();
    quick.socket.end(request('/quick', 'Content-Length: 5\r\n', 'hello', 'POST'));
    assert.match(await quick.closed(), /Connection: close\r\n\r\nPOST \/quick hello;$/);
  });

  it('that has closed its side gets the answers to all that it had sent', async () => {
    const { client } = await start((incoming) => void setTimeout(echo, 10, incoming), {
      halfCloseMs: 30_000,
    });
    const all = await client();
    all.socket.end(request('/a') + request('/b'));
    const text = await all.closed();
    assert.match(text, /GET \/a ;HTTP\/1\.1 200 OK\r\n[\s\S]*Connection: close\r\n\r\nGET \/b ;$/);
    const cut = await client();
    cut.socket.end(`${request('/a')}GET /b`);
    assert.match(await cut.closed(), /GET \/a ;$/);
  });

  it('that closes its side while it reads gets the rest', async () => {
    const total = 16_000_000;
    let hasAnswered = false;
    const { client } = await start(
      ({ answer }) => {
        answer.onClose = () => {
          hasAnswered = answer.state === 'ended';
        };
        answer.send(okHead(total), Buffer.alloc(total, 'x'));
      },
      { writeStallMs: 60_000, idleMs: 60_000 },
    );
    const { send, socket } = await client();
    let read = 0;
    socket.removeAllListeners('data');
    socket.pause();
    send(request('/'));
    await eventually('it is answered', () => hasAnswered);
    socket.on('data', (bytes: Buffer) => {
      read += bytes.length;
    });
    socket.end();
    socket.resume();
    await eventually('all is read', () => read > total);
  });

  it('that has closed its side is given up when the answer is not quick', async () => {
    let gone = 0;
    const { client } = await start(({ answer }) => {
      answer.onClose = () => {
        if (answer.state === 'gone') gone += 1;
      };
    });
    const slow = await client();
    slow.socket.end(request('/slow'));
    await slow.closed();
    await eventually('it is given up', () => gone === 1);
    const half = await client();
    half.socket.end('GET /half');
    assert.equal(await half.closed(), '');
  });

  it('that goes away while it is waited for is noticed at once', async () => {
    let state = '';
    const { client, listener } = await start(({ answer }) => {
      answer.onClose = () => {
        state = answer.state;
      };
    });
    const { send, socket } = await client();
    send(request('/'));
    await eventually('it is connected', () => listener.connections() === 1);
    socket.resetAndDestroy();
    await eventually('it is noticed', () => state === 'gone' && listener.connections() === 0);
  });
});

describe('the pace of a body', () => {
  it('is judged by the time in which it was wanted', () => {
    const pace = createBodyPace({ bodyStallMs: 10_000, bodyBytesPerSecond: 1_024, bodyGraceMs: 5_000 });
    assert.equal(pace.isTooSlow(99_000), false);
    pace.start(0);
    assert.equal(pace.isTooSlow(5_000), false);
    assert.equal(pace.isTooSlow(5_001), true);
    pace.received(6_000, 5_000);
    assert.equal(pace.isTooSlow(5_800), false);
    pace.stop(5_800);
    assert.equal(pace.isTooSlow(500_000), false);
    pace.start(500_000);
    assert.equal(pace.isTooSlow(500_050), false);
    assert.equal(pace.isTooSlow(500_200), true);
    pace.received(1_000_000, 500_200);
    assert.equal(pace.isTooSlow(510_199), false);
    assert.equal(pace.isTooSlow(510_200), true);
  });
});
