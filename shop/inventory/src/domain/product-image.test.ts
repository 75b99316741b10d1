import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawProduct } from './product-image.ts';

test('a product always looks the same, and different from its neighbour', () => {
  const draw = (id: string) => drawProduct({ id, name: 'Mug' }, 'thumbnail');
  assert.equal(draw('sku-0001'), draw('sku-0001'));
  assert.notEqual(draw('sku-0001'), draw('sku-0002'));
});

test('a name cannot become markup', () => {
  const svg = drawProduct({ id: 'x', name: `"><script>alert('1')</script>&` }, 'image');
  assert.ok(!svg.includes('<script'));
  assert.ok(svg.includes('&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;'));
});
