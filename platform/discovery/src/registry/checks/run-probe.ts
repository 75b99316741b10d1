import { createSocket } from 'node:dgram';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Probe, Tls } from '../decode/check-body.ts';
import type { Status } from '../state/records.ts';
import { probeGrpc, probeHttp2 } from './run-http2-probe.ts';
import { withDeadline } from './with-deadline.ts';

export interface ProbeResult {
  readonly status: Status;
  readonly output: string;
}

export type ActiveProbe = Exclude<Probe, { type: 'ttl' | 'alias' }>;

export interface ProbeLimits {
  readonly timeoutMs: number;
  readonly maxOutputBytes: number;
}

const MAX_REDIRECTS = 10;

/** Looks once how somebody is. Never rejects: what cannot be reached is critical, and its output says why. */
export async function runProbe(probe: ActiveProbe, limits: ProbeLimits): Promise<ProbeResult> {
  try {
    return await PROBES[probe.type](probe as never, limits); // each type has the probe of its name
  } catch (error) {
    return { status: 'critical', output: (error as Error).message };
  }
}

const PROBES: {
  readonly [K in ActiveProbe['type']]: (probe: ProbeOf<K>, limits: ProbeLimits) => Promise<ProbeResult>;
} = {
  http: (probe, limits) => probeHttpUrl(probe, limits, MAX_REDIRECTS),
  tcp: probeTcp,
  udp: probeUdp,
  grpc: async ({ address, service, ...tls }, { timeoutMs }) => {
    const status = await probeGrpc(targetOf(address, tls), service, timeoutMs);
    return { status, output: `gRPC check ${address}: ${status === 'passing' ? 'success' : 'not serving'}` };
  },
  h2ping: async ({ address, ...tls }, { timeoutMs }) => {
    await probeHttp2(targetOf(address, tls), timeoutMs);
    return { status: 'passing', output: 'HTTP2 ping was successful' };
  },
};

type ProbeOf<K> = Extract<ActiveProbe, { type: K }>;

/** How a TLS connection is made: a certificate is verified unless the check says otherwise. */
function tlsOptions({ serverName, skipsVerification }: Tls, host: string) {
  const name = serverName || (isIP(host) ? '' : host);
  return { rejectUnauthorized: !skipsVerification, ...(name !== '' && { servername: name }) };
}

function targetOf(address: string, tls: Tls) {
  const { host } = hostAndPort(address);
  const scheme = tls.usesTls ? 'https' : 'http';
  return { url: `${scheme}://${address}`, options: tls.usesTls ? tlsOptions(tls, host) : {} };
}

function probeHttpUrl(probe: ProbeOf<'http'>, limits: ProbeLimits, redirects: number): Promise<ProbeResult> {
  const { url, method, headers, body } = probe;
  const target = new URL(url);
  const isSecure = target.protocol === 'https:';
  if (!isSecure && target.protocol !== 'http:') throw new Error(`no check of ${target.protocol} is known`);
  return withDeadline(limits.timeoutMs, (resolve, reject, onEnd) => {
    const outgoing = (isSecure ? requestHttps : requestHttp)(target, {
      method,
      agent: false,
      headers: { 'user-agent': 'Consul Health Check', accept: 'text/plain, text/*, */*', ...headers },
      ...(isSecure && tlsOptions(probe, target.hostname)),
    });
    onEnd(() => outgoing.destroy());
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      const { statusCode = 0, statusMessage = '', headers: received } = incoming;
      if (probe.followsRedirects && [301, 302, 303, 307, 308].includes(statusCode) && received.location) {
        if (redirects === 0) return reject(new Error(`stopped after ${MAX_REDIRECTS} redirects`));
        const next = { ...probe, url: new URL(received.location, target).href };
        incoming.resume();
        return resolve(probeHttpUrl(next, limits, redirects - 1));
      }
      readOutput(incoming, limits.maxOutputBytes).then((text) => {
        const output = `HTTP ${method} ${url}: ${statusCode} ${statusMessage} Output: ${text}`;
        resolve({ status: statusOfHttp(statusCode), output });
      }, reject);
    });
    outgoing.end(body);
  });
}

function statusOfHttp(status: number): Status {
  if (status >= 200 && status < 300) return 'passing';
  return status === 429 ? 'warning' : 'critical';
}

/** The first bytes, and how many there were. */
async function readOutput(stream: AsyncIterable<unknown>, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let kept = 0;
  let total = 0;
  for await (const chunk of stream) {
    const bytes = chunk as Buffer; // no encoding is set
    total += bytes.length;
    if (kept < maxBytes) chunks.push(bytes.subarray(0, maxBytes - kept));
    kept = Math.min(maxBytes, kept + bytes.length);
    if (total > 64 * maxBytes) break; // an endless body is not read to its end
  }
  return limitOutput(Buffer.concat(chunks), total);
}

/** An output as it is shown: its beginning, and how long it was. */
export function limitOutput(kept: Buffer, totalBytes: number): string {
  const text = kept.toString('utf8');
  return totalBytes > kept.length ? `${text} ... (captured ${kept.length} of ${totalBytes} bytes)` : text;
}

function probeTcp({ address, ...tls }: ProbeOf<'tcp'>, { timeoutMs }: ProbeLimits): Promise<ProbeResult> {
  const { host, port } = hostAndPort(address);
  return withDeadline(timeoutMs, (resolve, reject, onEnd) => {
    const done = () => resolve({ status: 'passing', output: `TCP connect ${address}: Success` });
    const socket: Socket = tls.usesTls
      ? connectTls({ host, port, ...tlsOptions(tls, host) }, done)
      : connectTcp({ host, port }, done);
    socket.on('error', (error) => reject(new Error(`dial tcp ${address}: ${error.message}`)));
    onEnd(() => socket.destroy());
  });
}

/** Nothing says that a datagram arrived, only that nobody listens: silence is good. */
function probeUdp({ address }: ProbeOf<'udp'>, { timeoutMs }: ProbeLimits): Promise<ProbeResult> {
  const { host, port } = hostAndPort(address);
  return withDeadline(timeoutMs + 1_000, (resolve, reject, onEnd) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    const passed = () => resolve({ status: 'passing', output: `UDP connect ${address}: Success` });
    const silent = setTimeout(passed, timeoutMs);
    onEnd(() => {
      clearTimeout(silent);
      socket.close();
    });
    socket.on('error', reject);
    socket.on('message', passed);
    socket.connect(port, host, () => socket.send('', (error) => error && reject(error)));
  });
}

function hostAndPort(address: string): { readonly host: string; readonly port: number } {
  const [, host = '', digits] = /^(.*):(\d{1,5})$/.exec(address) ?? [];
  const port = Number(digits);
  if (host === '' || !(port > 0 && port <= 65_535))
    throw new Error(`address ${address}: missing port in address`);
  return { host: host.replace(/^\[|\]$/g, ''), port };
}
