import assert from 'node:assert/strict';
import { test } from 'node:test';
import { currentContext, remainingMs, runInContext } from './context.ts';
import { newTrace } from './trace/trace-context.ts';

test('the context follows the work over awaits and ends with it', async () => {
  const context = { trace: newTrace(), correlationId: 'c-1' };
  assert.equal(currentContext(), undefined);
  await runInContext(context, async () => {
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(currentContext(), context);
  });
  assert.equal(currentContext(), undefined);
});

test('concurrent work keeps its own context', async () => {
  const contexts = [{ trace: newTrace() }, { trace: newTrace() }];
  const seen = await Promise.all(
    contexts.map((context) =>
      runInContext(context, async () => {
        await new Promise((resolve) => setImmediate(resolve));
        return currentContext();
      }),
    ),
  );
  assert.deepEqual(seen, contexts);
});

test('the remaining time is never negative, and unknown without a deadline', () => {
  const trace = newTrace();
  assert.equal(remainingMs(), undefined);
  runInContext({ trace }, () => assert.equal(remainingMs(), undefined));
  runInContext({ trace, deadlineAt: performance.now() - 5 }, () => assert.equal(remainingMs(), 0));
  runInContext({ trace, deadlineAt: performance.now() + 1_000 }, () => {
    const left = remainingMs() ?? 0;
    assert.ok(left > 900 && left <= 1_000, `${left} ms left`);
  });
});
