import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createSecretCheck } from './secret-check.ts';

it('only the secret is the secret, whatever its length', () => {
  const isSecret = createSecretCheck('s3cret');
  assert.ok(isSecret('s3cret'));
  for (const wrong of ['', 's3cre', 's3cret ', 'S3cret', 's3cret\0']) assert.ok(!isSecret(wrong), wrong);
});
