import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { after, before, beforeEach, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { assertProblems, problemsOf, ROUTE } from '../../../test/config.ts';
import { createTestBed, routeTo } from '../../../test/gateway.ts';

const bed = createTestBed();
after(() => bed.close());

describe('a service that decides who may come in', () => {
  let url: string;
  let decide: (response: ServerResponse, request: IncomingMessage) => void;
  let asked: IncomingMessage[] = [];
  let forwarded = 0;
  before(async () => {
    const auth = await bed.backend((request, response) => {
      asked.push(request);
      decide(response, request);
    });
    const port = await bed.backend((request, response) => {
      forwarded += 1;
      const { 'x-user': user, 'x-other': other } = request.headers;
      response.setHeader('cache-control', 'max-age=60');
      request.resume().on('end', () => response.end(`${user} ${other}`));
    });
    const ForwardAuthOptions = {
      ...{ Url: `http://127.0.0.1:${auth}/check?strict=1`, Timeout: 300 },
      ...{ RequestHeaders: ['Cookie'], AnswerHeaders: ['X-User'] },
    };
    url = await bed.gateway({
      Routes: [
        routeTo(port, '/x', { ForwardAuthOptions, CacheOptions: { TtlSeconds: 60 } }),
        routeTo(port, '/away', { ForwardAuthOptions: { Url: 'http://127.0.0.1:1/' } }),
        routeTo(port, '/open'),
      ],
    });
  });
  beforeEach(() => {
    asked = [];
    forwarded = 0;
  });
  const ask = (path: string, init: RequestInit = {}) => fetch(url + path, { redirect: 'manual', ...init });

  it('is asked with method, URI and the fields that are named, and not with the body', async () => {
    decide = (response) => response.setHeader('x-user', 'alice').end('a body that nobody reads');
    const headers = {
      cookie: 'session=1',
      authorization: 'secret',
      'x-user': 'root',
      x_user: 'root',
      'x-other': 'o',
    };
    const answer = await ask('/x?a=%20b', { method: 'POST', body: 'the order', headers });
    assert.equal(await answer.text(), 'alice o');
    const [question] = asked;
    assert.equal(`${question?.method} ${question?.url}`, 'GET /check?strict=1');
    const told = question?.headers ?? {};
    assert.equal(told['x-forwarded-method'], 'POST');
    assert.equal(told['x-forwarded-uri'], '/x?a=%20b');
    assert.equal(told['x-forwarded-host'], new URL(url).host);
    assert.equal(told['x-forwarded-proto'], 'http');
    assert.equal(told['x-forwarded-for'], '127.0.0.1');
    assert.equal(told.cookie, 'session=1');
    for (const name of ['authorization', 'x-user', 'content-length', 'transfer-encoding'])
      assert.equal(told[name], undefined, name);
  });

  it('is the only one whose word counts', async () => {
    decide = (response) => response.writeHead(204).end();
    assert.equal(await (await ask('/x', { headers: { 'x-user': 'root' } })).text(), 'undefined undefined');
    assert.equal(await (await ask('/open', { headers: { 'x-user': 'root' } })).text(), 'undefined undefined');
  });

  it('is asked each time: no answer for one is another’s', async () => {
    for (const user of ['alice', 'bob', 'alice']) {
      decide = (response) => response.setHeader('x-user', user).end();
      assert.equal(await (await ask('/x')).text(), `${user} undefined`);
    }
    assert.deepEqual([asked.length, forwarded], [3, 3]);
  });

  it('refuses in its own way, with no more than that', async () => {
    const secrets = { 'x-internal-reason': 'secret', 'set-cookie': ['a=1', 'b=2'] };
    decide = (response) => response.writeHead(401, { ...secrets, 'www-authenticate': 'Basic' }).end('secret');
    const unauthorized = await ask('/x');
    assert.equal(unauthorized.status, 401);
    assert.equal(unauthorized.headers.get('www-authenticate'), 'Basic');
    assert.deepEqual(unauthorized.headers.getSetCookie(), ['a=1', 'b=2']);
    assert.equal(unauthorized.headers.get('x-internal-reason'), null);
    assert.equal(((await unauthorized.json()) as { code: string }).code, 'unauthorized');
    decide = (response) => response.writeHead(302, { location: 'https://login.test/' }).end();
    const login = await ask('/x');
    assert.deepEqual([login.status, login.headers.get('location')], [302, 'https://login.test/']);
    decide = (response) => response.writeHead(403).end();
    assert.equal((await ask('/x')).status, 403);
    assert.equal(forwarded, 0);
  });

  it('lets nobody in when it cannot decide', async () => {
    for (const status of [304, 302, 400, 404, 500]) {
      decide = (response) => response.writeHead(status).end();
      assert.equal((await ask('/x')).status, 503, String(status));
    }
    decide = (response) => response.destroy();
    assert.equal((await ask('/x')).status, 503);
    decide = () => undefined;
    const late = await ask('/x');
    assert.deepEqual([late.status, late.headers.get('retry-after')], [503, '1']);
    assert.equal(((await late.json()) as { code: string }).code, 'authorization-unavailable');
    assert.equal((await ask('/away')).status, 503);
    assert.equal(forwarded, 0);
  });

  it('is told nothing more of a client that has gone', async () => {
    let isClosed = false;
    decide = (response) =>
      response.on('close', () => {
        isClosed = true;
      });
    const gone = new AbortController();
    const answer = ask('/x', { signal: gone.signal });
    await eventually('it is asked', () => asked.length === 1);
    gone.abort();
    await assert.rejects(answer);
    await eventually('the question is taken back', () => isClosed);
  });

  it('is refused in the file where it could not be asked', () => {
    assertProblems(
      problemsOf({
        Routes: [
          { ...ROUTE, ForwardAuthOptions: { Url: 'auth:80' } },
          {
            ...ROUTE,
            UpstreamPathTemplate: '/b',
            ForwardAuthOptions: { Url: 'http://a', AnswerHeaders: ['Host'] },
          },
        ],
      }),
      [
        /^Routes\[0\]\.ForwardAuthOptions\.Url: must be an http or https URL/,
        /^Routes\[1\]\.ForwardAuthOptions\.AnswerHeaders: Host is no header/,
      ],
    );
  });
});
