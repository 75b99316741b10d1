import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Circumstances, type Evaluation, evaluate, type PricedLine } from './evaluate.ts';
import type { Discount, Promotion } from './promotion.ts';
import { bindPromotions } from './promotion-book.ts';

const AT = new Date('2026-06-01T00:00:00Z');
const plain: Circumstances = { at: AT, currency: 'EUR', shippingMinor: 0, taxBasisPoints: 2_000 };

const eur = (amountMinor: number) => ({ amountMinor, currency: 'EUR' });

function line(productId: string, quantity: number, unitMinor: number): PricedLine {
  return { productId, name: productId, quantity, unitPrice: eur(unitMinor) };
}

function promotion(id: string, discount: Discount, more: Partial<Promotion> = {}): Promotion {
  return { id, name: id, discount, priority: 0, exclusive: false, couponOnly: false, ...more };
}

function price(
  lines: readonly PricedLine[],
  promotions: readonly Promotion[],
  more: Partial<Circumstances> = {},
) {
  return evaluate(lines, bindPromotions(promotions), { ...plain, ...more });
}

const reasons = (evaluated: Evaluation) =>
  [...evaluated.lines.flatMap(({ discounts }) => discounts), ...evaluated.discounts].map(
    ({ code, amount }) => `${code} ${amount.amountMinor}`,
  );

const tenPercent: Discount = { kind: 'percentage', basisPoints: 1_000 };
const onTea = (discount: Discount): Discount => ({ ...discount, products: ['tea'] }) as Discount;

describe('what an order costs', () => {
  it('is the sum of its lines when nothing is reduced, and holds the tax of where it goes', () => {
    const { total, tax, lines } = price([line('tea', 2, 450), line('pot', 1, 2_999)], []);
    assert.deepEqual(
      lines.map((one) => one.total.amountMinor),
      [900, 2_999],
    );
    assert.deepEqual([total, tax], [eur(3_899), eur(650)]); // 649.83
  });

  it('gives one of three away, for each three', () => {
    const threeForTwo = promotion('3for2', { kind: 'buy-n-pay-m', buy: 3, pay: 2, products: ['tea'] });
    const of = (quantity: number) => price([line('tea', quantity, 100)], [threeForTwo]).total.amountMinor;
    assert.deepEqual([1, 2, 3, 4, 5, 6, 7].map(of), [100, 200, 200, 300, 400, 400, 500]);
  });

  it('rounds half up, once for each line and once for the order', () => {
    const halves = price([line('tea', 1, 5), line('pot', 1, 15)], [promotion('10', onTea(tenPercent))]);
    assert.deepEqual(reasons(halves), ['10 1']); // 0.5
    assert.deepEqual(reasons(price([line('tea', 3, 15)], [promotion('10', tenPercent)])), ['10 5']); // 4.5
    assert.deepEqual(reasons(price([line('tea', 1, 4)], [promotion('10', tenPercent)])), []); // 0.4
  });

  it('applies higher priorities first, and to what is left', () => {
    const half = promotion('half', onTea({ kind: 'percentage', basisPoints: 5_000 }), { priority: 2 });
    const tenth = promotion('tenth', onTea(tenPercent), { priority: 1 });
    assert.deepEqual(reasons(price([line('tea', 1, 1_000)], [tenth, half])), ['half 500', 'tenth 50']);
  });

  it('leaves what an exclusive promotion has discounted to it alone, the discounts of the order included', () => {
    const half = promotion('half', onTea({ kind: 'percentage', basisPoints: 5_000 }), {
      priority: 2,
      exclusive: true,
    });
    const all = [half, promotion('tenth', onTea(tenPercent)), promotion('order', tenPercent)];
    const lines = [line('tea', 1, 1_000), line('pot', 1, 1_000)];
    assert.deepEqual(reasons(price(lines, all)), ['half 500', 'order 100']);
    const order = promotion('first', tenPercent, { priority: 9, exclusive: true });
    assert.deepEqual(reasons(price(lines, [order, promotion('second', tenPercent)])), ['first 200']);
  });

  it('applies one promotion of a group: the first that takes something off', () => {
    const group = { group: 'summer' };
    const threeForTwo = promotion(
      'a',
      { kind: 'buy-n-pay-m', buy: 3, pay: 2, products: ['tea'] },
      { ...group, priority: 1 },
    );
    const tenth = promotion('b', onTea(tenPercent), group);
    assert.deepEqual(reasons(price([line('tea', 3, 100)], [tenth, threeForTwo])), ['a 100']);
    assert.deepEqual(reasons(price([line('tea', 2, 100)], [tenth, threeForTwo])), ['b 20']);
  });

  it('is reduced from a threshold on, measured after the discounts of lines', () => {
    const from50 = promotion('5off50', { kind: 'amount', amount: eur(500) }, { minimum: eur(5_000) });
    assert.deepEqual(reasons(price([line('tea', 1, 4_999)], [from50])), []);
    assert.deepEqual(reasons(price([line('tea', 1, 5_000)], [from50])), ['5off50 500']);
    const both = [from50, promotion('tenth', onTea(tenPercent))];
    assert.deepEqual(reasons(price([line('tea', 1, 5_500)], both)), ['tenth 550']);
  });

  it('never reduces in another currency', () => {
    const usd = (amountMinor: number) => ({ amountMinor, currency: 'USD' });
    const foreign = [
      promotion('amount', { kind: 'amount', amount: usd(100) }),
      promotion('from', tenPercent, { minimum: usd(1) }),
    ];
    assert.deepEqual(reasons(price([line('tea', 1, 1_000)], foreign)), []);
  });

  it('ships for nothing when a promotion says so', () => {
    const free = promotion('free', { kind: 'shipping' }, { minimum: eur(2_000) });
    const shipped = (unitMinor: number) => price([line('tea', 1, unitMinor)], [free], { shippingMinor: 490 });
    assert.deepEqual([reasons(shipped(1_999)), shipped(1_999).total], [[], eur(2_489)]);
    assert.deepEqual([reasons(shipped(2_000)), shipped(2_000).total], [['free 490'], eur(2_000)]);
    assert.deepEqual(shipped(2_000).shipping, eur(490));
  });

  it('names a coupon by its code, and applies what needs one with it only', () => {
    const welcome = promotion('welcome', tenPercent, { couponOnly: true });
    const coupon = { code: 'WELCOME10', promotionId: 'welcome' };
    assert.deepEqual(reasons(price([line('tea', 1, 1_000)], [welcome])), []);
    assert.deepEqual(reasons(price([line('tea', 1, 1_000)], [welcome], { coupon })), ['WELCOME10 100']);
  });

  it('knows when a promotion begins and ends', () => {
    const june = promotion('june', tenPercent, {
      validFrom: AT,
      validUntil: new Date('2026-07-01T00:00:00Z'),
    });
    const at = (time: string) => reasons(price([line('tea', 1, 1_000)], [june], { at: new Date(time) }));
    assert.deepEqual(at('2026-05-31T23:59:59.999Z'), []);
    assert.deepEqual(at('2026-06-01T00:00:00Z'), ['june 100']);
    assert.deepEqual(at('2026-06-30T23:59:59.999Z'), ['june 100']);
    assert.deepEqual(at('2026-07-01T00:00:00Z'), []);
  });
});

const PRODUCTS = ['p1', 'p2', 'p3', 'p4', 'p5'];

const anyLines = fc.uniqueArray(
  fc.record({
    productId: fc.constantFrom(...PRODUCTS),
    name: fc.constant('x'),
    quantity: fc.integer({ min: 1, max: 1_000 }),
    unitPrice: fc.integer({ min: 0, max: 2_147_483_647 }).map(eur),
  }),
  { selector: ({ productId }) => productId, minLength: 1 },
);

const someProducts = fc.uniqueArray(fc.constantFrom(...PRODUCTS), { minLength: 1 });
const anyDiscount: fc.Arbitrary<Discount> = fc.oneof(
  fc.record({ kind: fc.constant('percentage'), basisPoints: fc.integer({ min: 1, max: 10_000 }) } as const),
  fc.record({
    kind: fc.constant('percentage'),
    basisPoints: fc.integer({ min: 1, max: 10_000 }),
    products: someProducts,
  } as const),
  fc.record({
    kind: fc.constant('amount'),
    amount: fc.integer({ min: 1, max: 1_000_000 }).map(eur),
  } as const),
  fc.record({
    kind: fc.constant('buy-n-pay-m'),
    buy: fc.integer({ min: 2, max: 6 }),
    pay: fc.integer({ min: 0, max: 1 }),
    products: someProducts,
  } as const),
  fc.constant({ kind: 'shipping' } as const),
);

const anyPromotions = fc
  .array(
    fc.record({
      discount: anyDiscount,
      priority: fc.integer({ min: 0, max: 3 }),
      exclusive: fc.boolean(),
      group: fc.option(fc.constantFrom('a', 'b'), { nil: undefined }),
    }),
    { maxLength: 12 },
  )
  .map((made) =>
    made.map(({ discount, priority, exclusive, group }, index) =>
      promotion(`promotion-${index}`, discount, {
        priority,
        exclusive,
        ...(group !== undefined && { group }),
      }),
    ),
  );

const anyOrder = fc.record({
  lines: anyLines,
  promotions: anyPromotions,
  shippingMinor: fc.integer({ min: 0, max: 10_000 }),
});

describe('whatever is ordered and promoted', () => {
  const all = (check: (evaluated: Evaluation, lines: readonly PricedLine[]) => void) =>
    fc.assert(
      fc.property(anyOrder, ({ lines, promotions, shippingMinor }) =>
        check(price(lines, promotions, { shippingMinor }), lines),
      ),
      { numRuns: 500 },
    );
  const sum = (amounts: readonly { readonly amount: { readonly amountMinor: number } }[]) =>
    amounts.reduce((total, { amount }) => total + amount.amountMinor, 0);

  it('adds up: lines, discounts, shipping and total', () => {
    all((evaluated, lines) => {
      let goods = 0;
      for (const [index, evaluatedLine] of evaluated.lines.entries()) {
        const wanted = lines[index];
        assert.ok(wanted);
        const listed = wanted.unitPrice.amountMinor * wanted.quantity;
        assert.equal(evaluatedLine.total.amountMinor, listed - sum(evaluatedLine.discounts));
        goods += evaluatedLine.total.amountMinor;
      }
      const expected = goods - sum(evaluated.discounts) + evaluated.shipping.amountMinor;
      assert.equal(evaluated.total.amountMinor, expected);
    });
  });

  it('costs nothing less than nothing, and no reduction raises a price', () => {
    all(({ lines, discounts, total, tax }) => {
      for (const { amount } of [...discounts, ...lines.flatMap((one) => one.discounts)])
        assert.ok(amount.amountMinor > 0);
      for (const one of lines) assert.ok(one.total.amountMinor >= 0);
      assert.ok(total.amountMinor >= 0 && tax.amountMinor >= 0 && tax.amountMinor <= total.amountMinor);
    });
  });

  it('does not depend on the order of the lines or of the promotions', () => {
    fc.assert(
      fc.property(anyOrder, fc.infiniteStream(fc.nat()), ({ lines, promotions, shippingMinor }, keys) => {
        const shuffled = <T>(list: readonly T[]): T[] =>
          list
            .map((item) => ({ item, key: keys.next().value ?? 0 }))
            .sort((a, b) => a.key - b.key)
            .map(({ item }) => item);
        const one = price(lines, promotions, { shippingMinor });
        const other = price(shuffled(lines), shuffled(promotions), { shippingMinor });
        assert.deepEqual([other.total, other.tax, other.discounts], [one.total, one.tax, one.discounts]);
        const byProduct = (evaluated: Evaluation) =>
          new Map(evaluated.lines.map((evaluatedLine) => [evaluatedLine.productId, evaluatedLine]));
        assert.deepEqual(byProduct(other), byProduct(one));
      }),
    );
  });

  it('uses an exclusive promotion alone, and one of a group', () => {
    all(({ lines, discounts }) => {
      for (const reductions of [discounts, ...lines.map((one) => one.discounts)]) {
        const codes = reductions.map(({ code }) => code);
        assert.equal(new Set(codes).size, codes.length);
      }
    });
  });
});
