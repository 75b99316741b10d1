import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createValidator } from '@flotilla/kernel';
import { addressSchema } from '@shop/contracts';
import { fieldWords } from './field-words.ts';
import { type FieldError, RequestError } from './request.ts';

const refusedFor = (errors: readonly FieldError[]) => new RequestError({ status: 400, code: 'bad', errors });

/** As the server says it: by the validator and the contract that it uses. */
function wordsFor(name: string, input: Readonly<Record<string, unknown>>): string | undefined {
  const good = { name: 'Alice', line1: '1 Main Street', city: 'Graz', postalCode: '8010', country: 'AT' };
  const outcome = createValidator(addressSchema)({ ...good, ...input });
  return fieldWords(refusedFor(outcome.ok ? [] : outcome.rejection), name);
}

describe('what is wrong with a field', () => {
  it('is said in words of people, beside the field alone', () => {
    assert.equal(wordsFor('city', { city: '' }), 'Please fill in this field.');
    assert.equal(wordsFor('city', { city: undefined }), 'Please fill in this field.');
    assert.equal(wordsFor('city', { city: 'x'.repeat(101) }), 'Please use at most 100 characters.');
    assert.match(wordsFor('city', { city: 'a\nb' }) ?? '', /on one line/);
    assert.equal(wordsFor('name', { city: '' }), undefined);
  });

  it('never is what a machine said', () => {
    for (const input of [{ city: 7 }, { city: null }, { city: {} }, { city: 'a\u0000' }, { city: [] }]) {
      const words = wordsFor('city', input);
      assert.match(words ?? '', /^Please .*\.$/, JSON.stringify(input));
    }
    assert.equal(fieldWords(new Error('else'), 'city'), undefined);
  });
});
