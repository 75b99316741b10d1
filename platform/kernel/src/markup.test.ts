import assert from 'node:assert/strict';
import { it } from 'node:test';
import { escapeMarkup } from './markup.ts';

it('a text ends neither an element nor an attribute', () => {
  assert.equal(escapeMarkup(`<a b='c' d="e">&amp; ü`), '&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp;amp; ü');
});
