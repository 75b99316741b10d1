import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isAllowed, type Provenance } from './same-origin.ts';

const origin = 'https://shop.test';
const read = { origin, hasEffect: false, needsHeader: false };
const change = { origin, hasEffect: true, needsHeader: false };

it('what changes something comes from here, by the word of the browser and by a header that only a page of ours sends', () => {
  for (const [headers, allowed] of [
    [{ 'sec-fetch-site': 'same-origin', 'x-csrf': '1' }, true],
    [{ origin, 'x-csrf': '1' }, true],
    [{ 'sec-fetch-site': 'none', 'x-csrf': '1' }, true],
    [{ 'sec-fetch-site': 'same-origin', origin, 'x-csrf': '1' }, true],
    [{ 'sec-fetch-site': 'same-origin', origin }, false],
    [{ 'x-csrf': '1' }, false],
    [{}, false],
    [{ 'sec-fetch-site': 'cross-site', 'x-csrf': '1' }, false],
    [{ 'sec-fetch-site': 'same-site', 'x-csrf': '1' }, false],
    [{ 'sec-fetch-site': 'same-origin', origin: 'null', 'x-csrf': '1' }, false],
    [{ origin: 'null', 'x-csrf': '1' }, false],
    [{ origin: 'https://evil.test', 'x-csrf': '1' }, false],
    [{ origin: 'https://shop.test.evil.test', 'x-csrf': '1' }, false],
    [{ origin: 'http://shop.test', 'x-csrf': '1' }, false],
    [{ origin, 'x-csrf': '0' }, false],
    [{ origin, 'x-csrf': '1, 1' }, false],
  ] satisfies readonly (readonly [Provenance, boolean])[])
    assert.equal(isAllowed(headers, change), allowed, JSON.stringify(headers));
});

it('what only reads is refused when the browser says that it comes from elsewhere', () => {
  for (const [headers, allowed] of [
    [{}, true],
    [{ 'sec-fetch-site': 'same-origin' }, true],
    [{ 'sec-fetch-site': 'none' }, true],
    [{ 'sec-fetch-site': 'cross-site' }, false],
    [{ 'sec-fetch-site': 'same-site' }, false],
    [{ origin: 'null' }, false],
    [{ origin: 'https://evil.test' }, false],
  ] satisfies readonly (readonly [Provenance, boolean])[])
    assert.equal(isAllowed(headers, read), allowed, JSON.stringify(headers));
  assert.equal(isAllowed({ 'sec-fetch-site': 'same-origin' }, { ...read, needsHeader: true }), false);
});
