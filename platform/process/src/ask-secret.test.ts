import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { askNewSecret } from './ask-secret.ts';

describe('a secret', () => {
  /** Types these keys on a terminal; each is what one question is answered with. */
  async function type(
    ...answers: readonly string[]
  ): Promise<{ secret: Promise<string>; shown: Promise<string> }> {
    const input = Object.assign(new PassThrough(), { isTTY: true });
    const output = new PassThrough();
    const secret = askNewSecret('Password', { input, output });
    for (const answer of answers) input.write(answer);
    await secret.catch(() => undefined);
    output.end();
    return { secret, shown: text(output) };
  }

  it('is typed twice on a terminal, which does not show it', async () => {
    const { secret, shown } = await type('hunter2\x7f3 Ü\r', 'hunter3 Ü\r');
    assert.equal(await secret, 'hunter3 Ü');
    assert.equal(await shown, 'Password: \nPassword, again: \n');
  });

  it('is not taken when it was typed in two ways, or not at all', async () => {
    for (const answers of [['one\r', 'two\r'], ['one\r', '\x03'], ['\x04']]) {
      const { secret, shown } = await type(...answers);
      await assert.rejects(secret, { code: 'TASK_REFUSED' });
      assert.doesNotMatch(await shown, /one|two/);
    }
  });

  it('is the first line of what is piped in', async () => {
    for (const [piped, secret] of [
      ['hunter2\n', 'hunter2'],
      ['hunter2', 'hunter2'],
      [' a b \r\nmore\n', ' a b '],
    ] as const)
      assert.equal(await askNewSecret('Password', { input: PassThrough.from([piped]) }), secret);
    for (const piped of ['', '\n'])
      await assert.rejects(askNewSecret('Password', { input: PassThrough.from([piped]) }), {
        code: 'TASK_REFUSED',
      });
  });
});
