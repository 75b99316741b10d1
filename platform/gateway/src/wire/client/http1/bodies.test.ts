import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { echo, okHead, request, startServer, type TestServer } from '../../../../test/http1-client.ts';
import type { Refusal } from '../../rules/refusal.ts';
import type { BodySink } from '../../rules/request.ts';
import type { Incoming } from '../incoming.ts';

let server: TestServer | undefined;
afterEach(() => server?.close());

async function start(...parameters: Parameters<typeof startServer>): Promise<TestServer> {
  server = await startServer(...parameters);
  return server;
}

const CHUNKED = 'Transfer-Encoding: chunked\r\n';

/** Takes a body and remembers how it went. */
function record(): BodySink & { text: string; ends: (string | Refusal | undefined)[] } {
  const sink = {
    text: '',
    ends: [] as (string | Refusal | undefined)[],
    data: (chunk: Buffer) => {
      sink.text += chunk.toString('latin1');
    },
    end: () => {
      sink.ends.push('complete');
    },
    error: (refusal: Refusal | undefined) => {
      sink.ends.push(refusal);
    },
  };
  return sink;
}

describe('a request body', () => {
  it('is delivered after the call, once, and only once', async () => {
    for (const [fields, body] of [
      ['', ''],
      ['Content-Length: 0\r\n', ''],
      ['Content-Length: 3\r\n', 'abc'],
      [CHUNKED, '3\r\nabc\r\n0\r\n\r\n'],
      [CHUNKED, '0\r\n\r\n'],
    ] as const) {
      const sink = record();
      const { client, close } = await start(({ body: incoming, answer }) => {
        incoming.read(sink, 10);
        assert.deepEqual([sink.text, sink.ends], ['', []]);
        assert.throws(() => incoming.read(sink, 10), TypeError);
        setTimeout(() => answer.send(okHead(), incoming.state), 10);
      });
      const { send, until } = await client();
      send(request('/', fields, body, 'POST'));
      await until(/complete$/);
      assert.deepEqual(sink.ends, ['complete']);
      assert.equal(sink.text, body.includes('abc') ? 'abc' : '');
      await close();
    }
  });

  it('is asked for with 100 only when it is read, and not when it is there already', async () => {
    const { client } = await start((incoming) => {
      if (incoming.request.target.path === '/read') setTimeout(echo, 20, incoming);
      else incoming.answer.send({ ...okHead(), status: 403, reason: '' }, 'no');
    });
    const fields = 'Expect: 100-continue\r\nContent-Length: 5\r\n';
    const asked = await client();
    asked.send(request('/read', fields, '', 'POST'));
    await asked.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
    asked.send('hello');
    await asked.until(/POST \/read hello;$/);
    const early = await client();
    early.send(request('/read', fields, 'hello', 'POST'));
    assert.doesNotMatch(await early.until(/hello;$/), / 100 /);
    const refused = await client();
    refused.send(request('/no', fields, '', 'POST'));
    assert.match(await refused.closed(), /^HTTP\/1\.1 403 [\s\S]*Connection: close\r\n\r\nno$/);
    const old = await client();
    old.send(`POST /read HTTP/1.0\r\nHost: h\r\n${fields}\r\nhello`);
    assert.doesNotMatch(await old.closed(), / 100 /);
  });

  it('above the limit is refused: announced at once and without 100, otherwise where it passes', async () => {
    const { client } = await start(({ body, answer }) => {
      body.read(
        {
          data: () => undefined,
          end: () => answer.send(okHead(), 'fits'),
          error: (refusal) => answer.send({ ...okHead(), status: refusal?.status ?? 500, reason: '' }, ''),
        },
        10,
      );
    });
    const announced = await client();
    announced.send(request('/', 'Content-Length: 11\r\nExpect: 100-continue\r\n', '', 'POST'));
    assert.match(await announced.closed(), /^HTTP\/1\.1 413 /);
    const { send, until } = await client();
    send(request('/', 'Content-Length: 11\r\n', 'x'.repeat(11), 'POST'));
    await until(/^HTTP\/1\.1 413 [\s\S]*\r\n\r\n$/);
    send(request('/', CHUNKED, `5\r\n12345\r\n6\r\n123456\r\n0\r\n\r\n`, 'POST'));
    await until(/413[\s\S]*413 [\s\S]*\r\n\r\n$/);
    send(request('/', CHUNKED, `5\r\n12345\r\n5\r\n12345\r\n0\r\n\r\n`, 'POST'));
    await until(/fits$/);
  });

  it('that is malformed breaks the exchange and the connection', async () => {
    const sink = record();
    const { client } = await start(({ body, answer }) => {
      body.read(
        {
          ...sink,
          error: (refusal) => {
            sink.error(refusal);
            answer.send({ ...okHead(), status: refusal?.status ?? 500, reason: '' }, '');
          },
        },
        1_000,
      );
    });
    const { send, closed } = await client();
    send(request('/', CHUNKED, '3\r\nabc\r\nzz\r\n', 'POST') + request('/smuggled'));
    const text = await closed();
    assert.match(text, /^HTTP\/1\.1 400 [\s\S]*Connection: close/);
    assert.equal(text.match(/HTTP/g)?.length, 1);
    assert.equal(sink.ends.length, 1);
  });

  it('that the client breaks off is told to the reader, and the answer is lost', async () => {
    for (const end of ['end', 'destroy'] as const) {
      const sink = record();
      let incoming: Incoming | undefined;
      let isTold = false;
      const { client, close } = await start((one) => {
        incoming = one;
        one.answer.onClose = () => {
          isTold = true;
        };
        one.body.read(sink, 1_000);
      });
      const { send, socket } = await client();
      send(request('/', 'Content-Length: 50\r\n', 'hello', 'POST'));
      await eventually('the body begins', () => sink.text === 'hello');
      socket[end]();
      await eventually('the end is told', () => isTold && incoming?.answer.state === 'gone');
      assert.deepEqual(sink.ends, [undefined]);
      assert.equal(incoming?.body.state, 'broken');
      await close();
    }
  });

  it('nobody wants is dropped, and a large one costs the connection', async () => {
    const { client } = await start(
      ({ answer, body, request: { target } }) => {
        if (target.path === '/discard') body.discard();
        answer.send(okHead(), `${target.path};`);
      },
      { limits: { discardBytes: 50_000 } },
    );
    const small = await client();
    small.send(request('/leave', 'Content-Length: 40000\r\n', 'x'.repeat(40_000), 'POST'));
    small.send(request('/discard', CHUNKED, `9c40\r\n${'x'.repeat(40_000)}\r\n0\r\n\r\n`, 'POST'));
    small.send(request('/next'));
    assert.doesNotMatch(await small.until(/\/leave;[\s\S]*\/discard;[\s\S]*\/next;$/), /close/);
    const announced = await client();
    announced.send(
      request('/leave', 'Content-Length: 60000\r\n', 'x'.repeat(60_000), 'POST') + request('/next'),
    );
    assert.match(await announced.closed(), /Connection: close\r\n\r\n\/leave;$/);
    const chunked = await client();
    chunked.send(request('/leave', CHUNKED, `${'3e8\r\n'}${'x'.repeat(1_000)}\r\n`, 'POST'));
    await chunked.until(/\/leave;$/);
    chunked.send(`${`3e8\r\n${'x'.repeat(1_000)}\r\n`.repeat(300)}0\r\n\r\n${request('/next')}`);
    assert.doesNotMatch(await chunked.closed(), /next/);
  });

  it('is not read when the answer comes before it is complete', async () => {
    const sink = record();
    const { client } = await start(({ body, answer, request: { method } }) => {
      if (method === 'POST') body.read(sink, 1_000);
      setTimeout(() => answer.send(okHead(), `${method};`), 30);
    });
    const { send, until } = await client();
    send(request('/', 'Content-Length: 10\r\n', 'hello', 'POST'));
    await until(/POST;$/);
    send(`world${request('/')}`);
    await until(/GET;$/);
    assert.deepEqual([sink.text, sink.ends], ['hello', [undefined]]);
  });
});

describe('back-pressure', () => {
  it('stops the client while the reader waits', async () => {
    let taken = 0;
    let incoming: Incoming | undefined;
    const { client } = await start((one) => {
      incoming = one;
      one.body.read(
        {
          data: (chunk) => {
            taken += chunk.length;
            one.body.pause();
          },
          end: () => one.answer.send(okHead(), 'all'),
          error: () => undefined,
        },
        Number.POSITIVE_INFINITY,
      );
    });
    const { send, socket, until } = await client();
    const bytes = 64_000_000;
    send(request('/', `Content-Length: ${bytes}\r\n`, '', 'POST'));
    const sent = pour(socket, Buffer.alloc(64_000), 1_000);
    await eventually('the first bytes come', () => taken > 0);
    const stuck = await stable(sent);
    assert.ok(taken <= 200_000 && stuck < bytes / 2, `${taken} taken, ${stuck} sent`);
    const resume = setInterval(() => incoming?.body.resume(), 1);
    try {
      await until(/all$/);
    } finally {
      clearInterval(resume);
    }
    assert.equal(taken, bytes);
  });

  it('stops the answer while the client does not read, and holds little', async () => {
    let written = 0;
    let blocked = 0;
    const chunk = Buffer.alloc(16_384);
    const total = chunk.length * 4_000;
    const { client } = await start(({ answer }) => {
      answer.start(okHead(total));
      const pour = () => {
        while (written < total) {
          written += chunk.length;
          if (!answer.write(chunk)) {
            blocked += 1;
            return;
          }
        }
        answer.end();
      };
      answer.onDrain = pour;
      pour();
    });
    const { send, socket } = await client();
    let read = 0;
    socket.removeAllListeners('data');
    socket.pause();
    send(request('/'));
    await eventually('it is blocked', () => blocked > 0);
    assert.ok((await stable(() => written)) < total / 2);
    socket.on('data', (bytes: Buffer) => {
      read += bytes.length;
    });
    socket.resume();
    await eventually('all is read', () => read > total);
    assert.ok(blocked > 10);
  });

  it('holds no more pipelined bytes than it may', async () => {
    const answers: Incoming[] = [];
    const { client } = await start((incoming) => answers.push(incoming));
    const { socket, until } = await client();
    const eight = Buffer.from(request('/', `X: ${'x'.repeat(8_000)}\r\n`).repeat(8));
    const sent = pour(socket, eight, 600);
    await eventually('the first comes', () => answers.length === 1);
    assert.ok((await stable(sent)) < 20_000_000);
    const answering = setInterval(() => {
      for (let next = answers.shift(); next !== undefined; next = answers.shift())
        next.answer.send(okHead(), '.');
    }, 0);
    try {
      await eventually('all are served', async () => (await until(/\./)).split('HTTP').length === 4_801);
    } finally {
      clearInterval(answering);
    }
  });
});

/** Writes the bytes so often, no faster than they are taken; how many it has written. */
function pour(socket: Socket, bytes: Buffer, times: number): () => number {
  let written = 0;
  const next = () => {
    while (written < times) {
      written += 1;
      if (!socket.write(bytes)) {
        socket.once('drain', next);
        return;
      }
    }
  };
  next();
  return () => written * bytes.length;
}

/** A number that has not changed for ten looks. */
async function stable(read: () => number): Promise<number> {
  let last = Number.NaN;
  let looks = 0;
  return eventually('it is stable', () => {
    const now = read();
    looks = now === last ? looks + 1 : 0;
    last = now;
    return looks === 10 && now;
  });
}
