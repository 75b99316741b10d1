import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { listFiles } from '../test/source-files.ts';
import { testFiles } from './test-files.ts';

describe('the files of a test run', () => {
  it('are all that there are, each once, the longest first', () => {
    const files = testFiles([]);
    assert.deepEqual([...files].sort(), [...listFiles(/\.test\.ts$/)].sort());
    assert.deepEqual(files.slice(0, 2), ['test/system/shop.test.ts', 'test/browser/storefront.test.ts']);
  });

  it('are those of a folder, and what was given by name', () => {
    const files = testFiles(['shop/cart', './scripts/test-files.test.ts', 'shop/cart/src/cart.test.ts']);
    assert.ok(files.includes('scripts/test-files.test.ts'));
    assert.ok(files.every((file) => /^(shop\/cart|scripts)\//.test(file)));
    assert.equal(files.filter((file) => file === 'shop/cart/src/cart.test.ts').length, 1);
  });

  it('are refused when there is none of that name: nothing was tested', () => {
    assert.throws(() => testFiles(['shop/cart', 'shop/cartt']), /no test file is called shop\/cartt/);
  });
});
