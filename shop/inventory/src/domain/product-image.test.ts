import assert from 'node:assert/strict';
import { test } from 'node:test';
import { demoProducts } from '../demo-products.ts';
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

test('each product of the demo is drawn as what it is, in three kilobytes, all paints mixed', () => {
  for (const product of demoProducts) {
    const svg = drawProduct(product, 'image');
    assert.ok(!svg.includes('fill-opacity="0.88"'), `${product.name} is drawn as shapes`);
    assert.doesNotMatch(svg, /="[abcd]"|NaN|undefined/);
    assert.ok(svg.length < 3_000, `${product.name}: ${svg.length} characters`);
  }
});

test('a thing that nobody has heard of is drawn, too', () => {
  assert.match(drawProduct({ id: 'sku-1', name: 'Gizmo' }, 'thumbnail'), /fill-opacity="0.88"/);
});
