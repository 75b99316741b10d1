import assert from 'node:assert/strict';
import type { RequestListener, ServerResponse } from 'node:http';
import { afterEach, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { bodyOf, createTestBed, openRaw, routeTo } from '../../test/gateway.ts';

const bed = createTestBed();
afterEach(() => bed.close());

const answers =
  (body: string, status = 200): RequestListener =>
  (request, response) => {
    request.resume();
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  };

/** An aggregate at `/all` of a part for each back end, in that order. */
async function start(
  parts: Readonly<Record<string, RequestListener | number>>,
  more: object = {},
  routeMore: object = {},
) {
  const entries = await Promise.all(
    Object.entries(parts).map(
      async ([key, part]) => [key, typeof part === 'number' ? part : await bed.backend(part)] as const,
    ),
  );
  return bed.start({
    Routes: entries.map(([Key, port]) =>
      routeTo(port, `/${Key}/{id}`, { Key, UpstreamPathTemplate: `/part/${Key}/{id}`, ...routeMore }),
    ),
    Aggregates: [{ UpstreamPathTemplate: '/all/{id}', RouteKeys: Object.keys(parts), ...more }],
  });
}

describe('an aggregate', () => {
  it('joins the answers in the order of its keys, whichever comes first', async () => {
    const late: RequestListener = (_, response) => {
      setTimeout(() => response.end('{"late":true}'), 100);
    };
    const { url } = await start({ b: late, a: answers('[1]'), empty: answers(''), text: answers('no json') });
    const response = await fetch(`${url}/all/7`);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'application/json');
    assert.equal(response.headers.get('x-aggregate-status'), 'b=200, a=200, empty=200, text=200');
    assert.match(response.headers.get('x-request-id') ?? '', /^[0-9a-f]{32}$/);
    assert.equal(await response.text(), '{"b":{"late":true},"a":[1],"empty":null,"text":"no json"}');
  });

  it('gives every part its values, query and body, and passes on what a part says of a failure', async () => {
    const seen: string[] = [];
    const port = await bed.backend(async (request, response) => {
      seen.push(`${request.method} ${request.url} ${await bodyOf(request)}`);
      response.writeHead(404).end('{}');
    });
    const { url } = await start(
      { a: port, b: port },
      { UpstreamHttpMethod: ['Post'] },
      { UpstreamHttpMethod: ['Post'] },
    );
    const response = await fetch(`${url}/all/7?q=1`, { method: 'POST', body: 'hello' });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('x-aggregate-status'), 'a=404, b=404');
    assert.deepEqual(seen.toSorted(), ['POST /a/7?q=1 hello', 'POST /b/7?q=1 hello']);
  });

  it('is refused with what the gateway refuses a part with: the first in the order of the keys', async () => {
    const { url } = await start({ a: answers('1'), away: 1, b: answers('2') });
    const response = await fetch(`${url}/all/7`);
    assert.equal(response.status, 502);
    assert.equal(((await response.json()) as { code: string }).code, 'bad-gateway');
    const denied = await start(
      { a: answers('1'), b: 1 },
      {},
      {
        AuthenticationOptions: { AuthenticationProviderKey: 'Bearer' },
      },
    );
    assert.equal((await fetch(`${denied.url}/all/7`)).status, 401);
  });

  it('does not wait longer for a part than for its route, also when the answer has begun', async () => {
    const { url, admin } = await start(
      { a: answers('1'), slow: (_, response) => response.write('[') },
      {},
      { QoSOptions: { Timeout: 200 } },
    );
    assert.equal((await fetch(`${url}/all/7`)).status, 504);
    assert.deepEqual(inFlightOf(admin), [0, 0]);
  });

  it('ends all its parts when the client goes away', async () => {
    const arrived: string[] = [];
    const gone: string[] = [];
    const hangs =
      (name: string): RequestListener =>
      (request) => {
        arrived.push(name);
        request.socket.on('close', () => gone.push(name));
      };
    const { url, admin } = await start({ a: hangs('a'), b: hangs('b') });
    const client = await openRaw(url);
    client.write('GET /all/7 HTTP/1.1\r\nHost: h\r\n\r\n');
    await eventually('both are asked', () => arrived.length === 2);
    client.socket.destroy();
    await eventually('both are given up', () => gone.length === 2);
    await eventually('nothing is left', () => inFlightOf(admin).every((count) => count === 0));
  });

  it('calls a part for each value of the first answer, and for none when there is none', async () => {
    const seen: string[] = [];
    const port = await bed.backend((request, response) => {
      seen.push(request.url ?? '');
      response.end(JSON.stringify(request.url));
    });
    const RouteKeysConfig = [{ RouteKey: 'user', JsonPath: '$[*].user', Parameter: 'id' }];
    const { url } = await start(
      { posts: answers('[{"user":"a"},{"user":"b/c"},{"user":"a"}]'), user: port },
      { RouteKeysConfig },
    );
    const whole = (await (await fetch(`${url}/all/7`)).json()) as Record<string, unknown>;
    assert.deepEqual(whole['user'], ['/user/a', '/user/b%2Fc']);
    const none = await start({ posts: answers('[]'), user: port }, { RouteKeysConfig });
    assert.equal(await (await fetch(`${none.url}/all/7`)).text(), '{"posts":[]}');
    assert.equal(seen.length, 2);
  });

  it('calls at most a hundred, eight at a time', async () => {
    let asked = 0;
    let most = 0;
    const waiting: ServerResponse[] = [];
    const answerAll = () => {
      most = Math.max(most, waiting.length);
      for (const response of waiting.splice(0)) response.end('1');
    };
    const port = await bed.backend((_, response) => {
      asked += 1;
      waiting.push(response);
      // A moment later, so that a ninth would be seen.
      if (waiting.length === 8 || asked === 100) setTimeout(answerAll, 10);
    });
    const RouteKeysConfig = [{ RouteKey: 'user', JsonPath: '$[*]', Parameter: 'id' }];
    const list = (count: number) =>
      answers(JSON.stringify(Array.from({ length: count }, (_, index) => index)));
    const { url } = await start({ posts: list(100), user: port }, { RouteKeysConfig });
    const whole = (await (await fetch(`${url}/all/7`)).json()) as { user: unknown[] };
    assert.equal(whole.user.length, 100);
    assert.equal(most, 8);
    const more = await start({ posts: list(101), user: port }, { RouteKeysConfig });
    const refused = await fetch(`${more.url}/all/7`);
    assert.equal(refused.status, 502);
    assert.equal(((await refused.json()) as { code: string }).code, 'aggregate-too-many-values');
  });

  it('holds 16 MiB and no more, however many parts bring it', async () => {
    let sent = 0;
    const flood: RequestListener = (_, response) => {
      const chunk = Buffer.alloc(65_536, 0x20);
      const go = () => {
        while (!response.destroyed && sent < 2 ** 30) {
          sent += chunk.length;
          if (!response.write(chunk)) return;
        }
      };
      response.on('drain', go);
      go();
    };
    const { url, admin } = await start({ a: flood, b: flood });
    const response = await fetch(`${url}/all/7`);
    assert.equal(response.status, 502);
    assert.equal(((await response.json()) as { code: string }).code, 'aggregate-part-too-large');
    await eventually('nothing is left', () => inFlightOf(admin).every((count) => count === 0));
    assert.ok(sent < 2 ** 28, `${sent} bytes were taken`);
  });

  it('is served hundreds of times at once', async () => {
    const { url, admin } = await start({ a: answers('1'), b: answers('2'), c: answers('3') });
    const bodies = await Promise.all(
      Array.from({ length: 400 }, async (_, id) => (await fetch(`${url}/all/${id}`)).text()),
    );
    assert.deepEqual([...new Set(bodies)], ['{"a":1,"b":2,"c":3}']);
    assert.equal(admin.limits().inFlight, 0);
  });

  it('may be merged by code, whose mistakes are the gateway’s own', async () => {
    const parts = { a: answers('1'), b: answers('2') };
    const config = { Aggregator: 'Sum' };
    for (const [merge, status] of [
      [async () => ({ status: 201, contentType: 'text/plain', body: 'three' }), 201],
      [async () => Promise.reject(new Error('a mistake')), 500],
    ] as const) {
      const entries = await Promise.all(
        Object.entries(parts).map(async ([k, p]) => [k, await bed.backend(p)] as const),
      );
      const { url } = await bed.start(
        {
          Routes: entries.map(([Key, port]) => routeTo(port, `/${Key}`, { Key })),
          Aggregates: [{ UpstreamPathTemplate: '/all', RouteKeys: ['a', 'b'], ...config }],
        },
        { aggregators: { Sum: merge } },
      );
      const response = await fetch(`${url}/all`);
      assert.equal(response.status, status);
      if (status === 201) assert.equal(await response.text(), 'three');
    }
  });
});

function inFlightOf(admin: Awaited<ReturnType<typeof start>>['admin']): readonly number[] {
  return admin.backends.states().flatMap(({ instances }) => instances.map(({ inFlight }) => inFlight));
}
