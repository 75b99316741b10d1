import assert from 'node:assert/strict';
import { it } from 'node:test';
import { silenceOf } from './silence.ts';

it('how long a service may be silent is a second or more, or for ever', () => {
  const read = (given: string) => silenceOf({ FLOTILLA_SILENCE_MS: given });
  assert.deepEqual([silenceOf({}), read(''), read('0'), read('1000')], [undefined, undefined, 0, 1_000]);
  for (const wrong of ['5', '-1', '1e9', '20s', '12345678901'])
    assert.throws(() => read(wrong), { code: 'CLI_USAGE' }, wrong);
});
