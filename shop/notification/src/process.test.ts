import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { uuidv7 } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { busMigrations, createPostgresTransport, inboxMigrations } from '@flotilla/messaging';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { startServiceProcess } from '@flotilla/service/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { type FakeSmtp, notificationMigrations, startFakeSmtp } from './testing.ts';

describe('the notification process', () => {
  let database: TestDatabase;
  let bus: TestDatabase;
  let smtp: FakeSmtp;
  before(async () => {
    database = await createTestDatabase([notificationMigrations, inboxMigrations]);
    bus = await createTestDatabase([busMigrations]);
    smtp = await startFakeSmtp();
  });
  after(async () => {
    await smtp.close();
    await bus.close();
    await database.close();
  });

  const start = (crashPoint = '') =>
    startServiceProcess(join(import.meta.dirname, 'main.ts'), {
      DATABASE_URL: database.uri,
      BUS_URL: bus.uri,
      ISSUER: 'http://127.0.0.1:8080/identity',
      SMTP_URL: smtp.url,
      FLOTILLA_CRASH_POINT: crashPoint,
    });

  async function register(email: string): Promise<void> {
    const transport = createPostgresTransport({
      uri: bus.uri,
      logger: silentLogger,
      metrics: createMetrics(),
    });
    const [id, type, key] = [uuidv7(), 'user.registered.v1', email];
    const attributes = { specversion: '1.0', id, type, source: 'identity', partitionkey: key };
    const data = { userId: email, email, name: 'Ann' };
    await transport.publish([
      { id, type, key, body: JSON.stringify({ ...attributes, data }), mandatory: false },
    ]);
    await transport.close();
  }

  for (const [point, left, sends] of [
    ['notification.before-smtp-send', 'queued', 1],
    ['notification.after-smtp-accepted', 'queued', 2],
    ['notification.after-mark-sent', 'sent', 1],
  ] as const)
    it(`at ${point} has the mail sent, recognisably the same when it is sent again`, async () => {
      const email = `${point}@example.com`;
      const stateOf = async () => {
        const [mail] = await database.db.query('SELECT state FROM mail WHERE recipient = $1', [email]);
        return mail?.['state'];
      };
      const doomed = await start(point);
      await register(email);
      assert.equal(await doomed.ended(), 'SIGKILL');
      assert.equal(await stateOf(), left);

      // The dead process renews nothing: its lease runs out.
      await database.db.query('UPDATE mail SET next_attempt_at = now()');
      const restarted = await start();
      await eventually('the mail is marked', async () => (await stateOf()) === 'sent');
      const messageIds = smtp.mails
        .map(({ data }) => data)
        .filter((data) => data.includes(email))
        .map((data) => /^Message-ID: (.*)$/m.exec(data)?.[1]);
      assert.equal(messageIds.length, sends);
      assert.equal(new Set(messageIds).size, 1);
      restarted.child.kill('SIGTERM');
      assert.equal(await restarted.ended(), 0);
    });
});
