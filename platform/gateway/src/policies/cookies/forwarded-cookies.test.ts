import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { onlyAllowed } from './forwarded-cookies.ts';

const allowed = { names: new Set(['lang']), prefixes: ['__Host-fl-'] };

describe('cookies that go on', () => {
  it('are those that the route names, whole or by their beginning, in the order in which they were sent', () => {
    for (const [sent, rest] of [
      ['a=1; __Host-fl-sid-8080=x; __Host-console-8090=y; lang=de', '__Host-fl-sid-8080=x; lang=de'],
      ['language=de; LANG=de; lan=g', ''],
      ['lang=a=b; lang=c', 'lang=a=b; lang=c'],
      ['lang;  __Host-fl-', ''],
      ['=lang=1; ;lang = de', 'lang = de'],
      ['x__Host-fl-sid=1', ''],
      ['', ''],
    ] as const)
      assert.equal(onlyAllowed(sent, allowed), rest, sent);
  });

  it('are none where none is named', () => {
    assert.equal(onlyAllowed('lang=de', { names: new Set(), prefixes: [] }), '');
  });
});
