import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@flotilla/kernel/testing';

const PROGRAM = '/usr/sbin/apache2';
const MODULES = '/usr/lib/apache2/modules';

/** Whether Debian's Apache is here, with mod_auth_openidc. */
export const hasApache: boolean = existsSync(PROGRAM) && existsSync(`${MODULES}/mod_auth_openidc.so`);

const MODULE_FILES: Readonly<Record<string, string>> = {
  mpm_event_module: 'mod_mpm_event.so',
  authn_core_module: 'mod_authn_core.so',
  authz_core_module: 'mod_authz_core.so',
  authz_user_module: 'mod_authz_user.so',
  auth_openidc_module: 'mod_auth_openidc.so',
};

export interface ApacheOptions {
  readonly port: number;
  readonly issuer: string;
  readonly clientId: string;
  readonly secret: string;
  /** Whoever has it sees the one page. */
  readonly email: string;
}

/** An Apache whose one page, `/`, is for one user of the issuer. */
export async function startApache({ port, issuer, clientId, secret, email }: ApacheOptions) {
  const folder = await mkdtemp(join(tmpdir(), 'apache-'));
  await chmod(folder, 0o755);
  await mkdir(join(folder, 'pages'));
  await writeFile(join(folder, 'pages/index.html'), 'inside');
  const origin = `http://127.0.0.1:${port}`;
  const loads = Object.entries(MODULE_FILES).map(([name, file]) => `LoadModule ${name} ${MODULES}/${file}`);
  const user = process.getuid?.() === 0 ? ['User www-data', 'Group www-data'] : [];
  const lines = [
    ...[`ServerRoot ${folder}`, `PidFile ${folder}/pid`, `ErrorLog ${folder}/error.log`],
    ...[
      `Mutex file:${folder} default`,
      'ServerName 127.0.0.1',
      `Listen 127.0.0.1:${port}`,
      ...user,
      ...loads,
    ],
    ...['StartServers 1', 'ServerLimit 1', 'ThreadsPerChild 8', 'MaxRequestWorkers 8'],
    `DocumentRoot ${folder}/pages`,
    `OIDCProviderMetadataURL ${issuer}/.well-known/openid-configuration`,
    ...[`OIDCClientID ${clientId}`, `OIDCClientSecret ${secret}`, `OIDCRedirectURI ${origin}/callback`],
    ...['OIDCCryptoPassphrase of-a-test', 'OIDCPKCEMethod S256', 'OIDCScope "openid email"'],
    ...['<Location />', 'AuthType openid-connect', `Require claim email:${email}`, '</Location>'],
  ];
  const file = join(folder, 'apache.conf');
  await writeFile(file, `${lines.join('\n')}\n`);
  const child = spawn(PROGRAM, ['-f', file, '-D', 'FOREGROUND'], { stdio: 'ignore' });
  const log = () => readFile(join(folder, 'error.log'), 'utf8').catch(() => '');
  await eventually('Apache answers', async () => {
    if (child.exitCode !== null) throw new Error(`Apache ended: ${await log()}`);
    return await fetch(`${origin}/callback`, { redirect: 'manual' }).then(
      () => true,
      () => false,
    );
  });
  return {
    origin,
    log,
    close: async () => {
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
