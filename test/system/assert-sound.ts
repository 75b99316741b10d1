import assert from 'node:assert/strict';
import { eventually } from '@flotilla/kernel/testing';
import type { ClientRecord } from '../../chaos/invariant.ts';
import { type Finding, openChecker, violated } from '../../chaos/invariants.ts';
import { databasesOf } from '../../chaos/live.ts';
import { PATIENCE_MS, type RunningSystem } from './running-system.ts';

/** A check asks every database for everything: what is at rest is not seen sooner by asking all the time. */
const CHECK_EVERY_MS = 200;

/**
 * Waits until the system has come to rest with every invariant kept; fails with what is still violated after
 * `timeoutMs`. What must hold at every instant is checked at once.
 */
export async function assertSound(
  system: RunningSystem,
  history: readonly ClientRecord[] = [],
  timeoutMs: number = PATIENCE_MS,
): Promise<void> {
  const inventoryDocuments = system.env['INVENTORY_MONGODB_URL'];
  const checker = openChecker({ ...(await databasesOf(system.databaseUri)), inventoryDocuments });
  let findings: readonly Finding[] = [];
  const rest = eventually(
    'the system is at rest and sound',
    async () => {
      findings = await checker.check({ history });
      return violated(findings).length === 0;
    },
    timeoutMs,
    CHECK_EVERY_MS,
  );
  try {
    await rest;
  } catch (error) {
    assert.deepEqual(violated(findings), [], 'invariants are violated');
    throw error;
  } finally {
    await checker.close();
  }
  assert.ok(findings.length >= 15, `only ${findings.length} invariants were checked`);
  assert.deepEqual(
    findings.filter((finding) => finding.skipped !== undefined),
    [],
  );
}
