import assert from 'node:assert/strict';
import { it } from 'node:test';
import { problemJson } from './problem-json.ts';

it('a problem has the members of RFC 9457, its code, and what is added', () => {
  assert.deepEqual(JSON.parse(problemJson({ status: 404, code: 'not-found' })), {
    ...{ type: 'about:blank', title: 'Not Found', status: 404, code: 'not-found' },
  });
  assert.deepEqual(JSON.parse(problemJson({ status: 599, code: 'odd', detail: 'Why.' }, { traceId: 'a' })), {
    ...{ type: 'about:blank', title: 'Error', status: 599, code: 'odd', detail: 'Why.', traceId: 'a' },
  });
});
