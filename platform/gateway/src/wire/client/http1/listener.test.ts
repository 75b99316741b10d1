import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { echo, okHead, request, startServer, type TestServer } from '../../../../test/http1-client.ts';
import type { ClientResponse } from '../../rules/response.ts';
import type { Incoming } from '../incoming.ts';

let server: TestServer | undefined;
afterEach(() => server?.close());

async function start(...parameters: Parameters<typeof startServer>): Promise<TestServer> {
  server = await startServer(...parameters);
  return server;
}

const CHUNKED = 'Transfer-Encoding: chunked\r\n';

describe('requests on one connection', () => {
  it('are handled one after the other and answered in order, bodies and all', async () => {
    let running = 0;
    const { client } = await start((incoming) => {
      running += 1;
      assert.equal(running, 1);
      incoming.answer.onClose = () => {
        running -= 1;
      };
      setImmediate(echo, incoming);
    });
    const { send, until } = await client();
    const length = 'Content-Length: 5\r\n';
    send(
      request('/1', length, 'hello', 'POST') +
        request('/2') +
        request('/3', CHUNKED, '5\r\nworld\r\n0\r\n\r\n', 'POST') +
        request('/4'),
    );
    const text = await until(/GET \/4 ;$/);
    assert.deepEqual(text.match(/[A-Z]+ \/\d \w*;/g), [
      'POST /1 hello;',
      'GET /2 ;',
      'POST /3 world;',
      'GET /4 ;',
    ]);
  });

  it('may come in any pieces', async () => {
    const { client } = await start(echo);
    const text =
      request('/x', CHUNKED, '3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n', 'POST') + request('/y');
    const { send, until, socket } = await client();
    socket.setNoDelay(true);
    for (const byte of text) {
      send(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.match(await until(/GET \/y ;$/), /POST \/x abcde;/);
  });

  it('by the thousand in one piece do not nest', async () => {
    let served = 0;
    const { client } = await start(({ answer }) => {
      served += 1;
      answer.send(okHead(), '');
    });
    const { send } = await client();
    send(request('/').repeat(20_000));
    await eventually('all are served', () => served === 20_000);
  });

  it('end with the one that closes; what is behind is never executed', async () => {
    for (const first of [
      request('/a', 'Connection: close\r\n'),
      'GET /a HTTP/1.0\r\nHost: h\r\n\r\n',
      request('/a', 'X : y\r\n'),
      request('/a', 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'),
      request('/a', CHUNKED, 'zz\r\n', 'POST'),
    ]) {
      const paths: string[] = [];
      const { client, close } = await start((incoming) => {
        paths.push(incoming.request.target.path);
        echo(incoming);
      });
      const { send, closed } = await client();
      send(first + request('/smuggled'));
      const text = await closed();
      assert.match(text, /^HTTP\/1\.1 \d{3} [\s\S]*Connection: close\r\n/);
      assert.equal(text.match(/HTTP\/1\.1/g)?.length, 1);
      assert.ok(!paths.includes('/smuggled'));
      await close();
    }
  });

  it('get their own answers before the one that is malformed is refused', async () => {
    const { client, refused } = await start(echo);
    const { send, closed } = await client();
    send(`${request('/a')}XYZ\r\n\r\n`);
    assert.match(
      await closed(),
      /^HTTP\/1\.1 200 OK[\s\S]*GET \/a ;HTTP\/1\.1 400 Bad Request[\s\S]*"malformed-request"/,
    );
    assert.deepEqual(refused, ['malformed-request']);
  });

  it('keep the connection after a refusal whose end is clear, and after questions to the gateway', async () => {
    const { client } = await start(echo);
    const { send, until } = await client();
    send(request('/a/../b', 'Content-Length: 5\r\n', 'hello', 'POST') + request('*', '', '', 'OPTIONS'));
    send(request('/x', 'Max-Forwards: 0\r\n', '', 'OPTIONS') + request('/after'));
    const text = await until(/GET \/after ;$/);
    assert.deepEqual(text.match(/HTTP\/1\.1 \d+/g), [
      'HTTP/1.1 400',
      'HTTP/1.1 204',
      'HTTP/1.1 204',
      'HTTP/1.1 200',
    ]);
    assert.match(text, /"malformed-target"/);
    assert.match(text, /204 No Content\r\nX-Request-Id: \w{32}\r\nallow: GET, HEAD/);
  });
});

describe('an answer', () => {
  const answering = (act: (answer: ClientResponse, incoming: Incoming) => void) =>
    start((incoming) => act(incoming.answer, incoming));
  const bodyOf = (text: string) => text.slice(text.indexOf('\r\n\r\n') + 4);

  it('has a length, or chunks, or for old clients the end of the connection', async () => {
    const { client } = await answering((answer, { request: { target } }) => {
      answer.start(okHead(target.path === '/length' ? 6 : undefined));
      answer.write(Buffer.from('abc'));
      setImmediate(() => {
        answer.write(Buffer.from('def'));
        answer.end();
      });
    });
    const current = await client();
    current.send(request('/length') + request('/chunks'));
    const text = await current.until(/0\r\n\r\n$/);
    assert.match(text, /Content-Length: 6\r\n\r\nabcdefHTTP/);
    assert.match(text, /Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n$/);
    const old = await client();
    old.send('GET /end HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n');
    assert.match(await old.closed(), /Connection: close\r\n\r\nabcdef$/);
    const kept = await client();
    kept.send('GET /length HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n'.repeat(2));
    assert.equal((await kept.until(/def[\s\S]*def$/)).match(/Connection: keep-alive/g)?.length, 2);
  });

  it('written within one turn leaves in one piece', async () => {
    const { client } = await answering((answer) => {
      answer.start(okHead());
      answer.write(Buffer.from('abc'));
      answer.end();
    });
    const { send, socket, until } = await client();
    const pieces: number[] = [];
    socket.on('data', (bytes: Buffer) => pieces.push(bytes.length));
    send(request('/'));
    await until(/0\r\n\r\n$/);
    assert.equal(pieces.length, 1);
  });

  it('has no body where there must be none, and the connection goes on', async () => {
    const { client } = await answering((answer, { request: { target } }) => {
      const status = Number(target.path.slice(1));
      answer.start({ ...okHead(status === 304 ? undefined : 3), status, reason: '' });
      answer.write(Buffer.from('abc'));
      answer.end();
    });
    const { send, until } = await client();
    send(request('/200', '', '', 'HEAD') + request('/204') + request('/304') + request('/200'));
    const text = await until(/abc$/);
    assert.equal(text.match(/abc/g)?.length, 1);
    assert.equal(text.match(/Content-Length: 3/g)?.length, 2);
    assert.equal(text.match(/Content-Length|Transfer-Encoding/g)?.length, 2);
  });

  it('keeps its own Date and is given one otherwise', async () => {
    const { client } = await answering((answer, { request: { target } }) =>
      answer.send(okHead(undefined, target.path === '/own' ? { date: 'then' } : {}), 'x'),
    );
    const { send, until } = await client();
    send(request('/own') + request('/none'));
    const text = await until(/x[\s\S]*x$/);
    assert.match(text, /date: then\r\nKeep-Alive: timeout=\d+\r\nContent-Length: 1\r\n\r\nxHTTP/);
    assert.match(text, /\r\nDate: \w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT\r\n/);
  });

  it('of text beyond ASCII and of any size has the right length', async () => {
    const bodies = ['\u00e9\u20ac', 'x'.repeat(100_000), '', Buffer.alloc(300_000, 'y')];
    const { client } = await answering((answer) => answer.send(okHead(), bodies.shift() ?? 'none'));
    const { send, until } = await client();
    send(request('/').repeat(5));
    const text = await until(/none$/);
    assert.deepEqual(text.match(/Content-Length: \d+/g), [
      'Content-Length: 5',
      'Content-Length: 100000',
      'Content-Length: 0',
      'Content-Length: 300000',
      'Content-Length: 4',
    ]);
    assert.match(text, /\r\n\r\n\u00c3\u00a9\u00e2\u0082\u00acHTTP/);
  });

  it('whose fields would break its head is a 502', async () => {
    const heads = [
      okHead(undefined, { x: 'a\r\nSet-Cookie: b' }),
      okHead(undefined, { x: 'a\n' }),
      okHead(undefined, { x: 'a\u0000' }),
      okHead(undefined, { x: 'a\u010a' }),
      okHead(undefined, { 'x\r\ny': 'a' }),
      { ...okHead(), reason: 'OK\r\nX: y' },
    ];
    const { client } = await answering((answer, { request: { target } }) => {
      const head = heads.shift() ?? okHead();
      if (target.path === '/send') answer.send(head, 'secret');
      else {
        answer.start(head);
        answer.write(Buffer.from('secret'));
        answer.end();
      }
    });
    const { send, until } = await client();
    send(request('/send').repeat(3) + request('/start').repeat(3) + request('/send'));
    const text = await until(/secret/);
    assert.equal(text.match(/HTTP\/1\.1 502 Bad Gateway/g)?.length, 6);
    assert.doesNotMatch(text, /Set-Cookie|x:|X:/);
  });

  it('that is given up or does not keep to its length ends the connection incomplete', async () => {
    for (const act of [
      (answer: ClientResponse) => answer.abort(),
      (answer: ClientResponse) => answer.end(),
      (answer: ClientResponse) => answer.write(Buffer.from('too much')),
    ])
      for (const version of ['1.1', '1.0']) {
        let isTold = 0;
        const { client, close } = await answering((answer) => {
          answer.onClose = () => {
            isTold += 1;
          };
          answer.start(okHead(6));
          answer.write(Buffer.from('abc'));
          setImmediate(act, answer);
        });
        const { send, closed } = await client();
        send(`GET / HTTP/${version}\r\nHost: h\r\n\r\n${request('/next')}`);
        assert.doesNotMatch(bodyOf(await closed()), /too|HTTP/);
        await eventually('the end is told once', () => isTold === 1);
        await close();
      }
  });

  it('that the end of the connection delimits is reset when it is given up', async () => {
    const { client } = await answering((answer) => {
      answer.start(okHead());
      answer.write(Buffer.from('abc'));
      setTimeout(() => answer.abort(), 20);
    });
    const { send, socket, closed } = await client();
    let code = '';
    socket.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code ?? '';
    });
    send('GET / HTTP/1.0\r\nHost: h\r\n\r\n');
    await closed();
    assert.equal(code, 'ECONNRESET');
  });

  it('of a handler that throws is a 500, and the fault is told', async () => {
    const { client, faults } = await answering(() => {
      throw new Error('broken');
    });
    const { send, closed } = await client();
    send(request('/'));
    assert.match(await closed(), /^HTTP\/1\.1 500 [\s\S]*"internal-error"/);
    assert.equal(faults.length, 1);
  });

  it('can be asked to be the last', async () => {
    const { client } = await answering((answer) => {
      answer.closeAfter();
      answer.send(okHead(), 'x');
    });
    const { send, closed } = await client();
    send(request('/a') + request('/b'));
    assert.match(await closed(), /Connection: close\r\n\r\nx$/);
  });

  it('reaches a client that is still sending when the connection is closed', async () => {
    const { client } = await start(echo, { limits: { lingerMs: 5_000 } });
    const { send, socket, closed } = await client();
    const errors: Error[] = [];
    socket.on('error', (error) => errors.push(error));
    send(`${request('/a', 'Bad Field: x\r\n')}${'x'.repeat(10_000_000)}`);
    assert.match(await closed(), /^HTTP\/1\.1 400 [\s\S]*"malformed-request"/);
    assert.deepEqual(errors, []);
  });
});

describe('a WebSocket handshake', () => {
  const HANDSHAKE = request(
    '/ws',
    'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
  );

  it('hands the connection over, early bytes first', async () => {
    const { client } = await start(({ request: { handshake }, answer }) => {
      assert.equal(handshake, 'websocket');
      setImmediate(() => {
        const socket = answer.switchProtocols({ ...okHead(), status: 101, reason: 'Switching Protocols' });
        socket.on('data', (bytes: Buffer) => socket.write(`echo ${bytes}`));
        socket.resume();
      });
    });
    const { send, until } = await client();
    send(`${HANDSHAKE}early`);
    assert.match(
      await until(/echo early/),
      /^HTTP\/1\.1 101 Switching Protocols\r\n[\s\S]*Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n/,
    );
    send('late');
    await until(/echo late/);
  });

  it('that is not accepted ends the connection, and nothing behind it counts', async () => {
    let requests = 0;
    const { client } = await start((incoming) => {
      requests += 1;
      echo(incoming);
    });
    const { send, closed } = await client();
    send(HANDSHAKE + request('/smuggled'));
    assert.match(await closed(), /Connection: close\r\n\r\nGET \/ws ;$/);
    assert.equal(requests, 1);
  });
});

describe('draining', () => {
  it('ends idle connections at once, others after their answer, and the rest in time', async () => {
    const answers: ClientResponse[] = [];
    const { client, listener } = await start(({ answer }) => answers.push(answer));
    const idle = await client();
    const busy = await client();
    const stuck = await client();
    busy.send(request('/busy'));
    stuck.send(request('/stuck'));
    await eventually('both are under way', () => answers.length === 2 && listener.connections() === 3);
    const drained = listener.drain(150);
    await idle.closed();
    answers[0]?.send(okHead(), 'done');
    const finished = [busy, stuck].map((one) => one.closed());
    await drained;
    assert.equal(listener.connections(), 0);
    assert.ok((await Promise.all(finished)).some((text) => /Connection: close\r\n\r\ndone$/.test(text)));
  });
});
