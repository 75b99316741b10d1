import type { ConsoleDeps, InstanceRow, RegistryView, SloRow } from '@flotilla/console';
import type { SystemConfig } from '../../config.ts';
import type { Control } from '../../control/client.ts';
import { type Scraped, scrape, scrapeTargets } from '../../slo/scrape.ts';
import { createSloWatch } from '../../slo/watch.ts';

const LOOK_EVERY_MS = 30_000;
/** Whoever asks sooner gets the last answer: several pages cost as much as one. */
const FRESH_MS = 1_500;

export interface ProcessView {
  readonly scrape: ConsoleDeps['scrape'];
  readonly slos: () => Promise<readonly SloRow[]>;
  readonly close: () => void;
}

/** What processes count: looked at when somebody asks, and for the objectives also in between. */
export function seeProcesses(system: SystemConfig, control: Control): ProcessView {
  const watch = createSloWatch(system.slos ?? {});
  let last: { readonly atMs: number; readonly found: Promise<readonly Scraped[]> } | undefined;

  async function lookNow(): Promise<readonly Scraped[]> {
    const targets = scrapeTargets(await control.instances(), system.services);
    const scraped = await Promise.all(targets.map(scrape));
    watch.take(scraped, Date.now());
    return scraped;
  }

  function look(): Promise<readonly Scraped[]> {
    const nowMs = Date.now();
    if (last === undefined || nowMs - last.atMs >= FRESH_MS) last = { atMs: nowMs, found: lookNow() };
    return last.found;
  }

  const timer = setInterval(() => void look().catch(() => undefined), LOOK_EVERY_MS); // it is told to whoever asks
  timer.unref();
  return {
    scrape: async () => {
      const scraped = await look();
      return {
        samples: scraped.flatMap(({ samples }) => samples),
        missing: scraped.flatMap(({ instance, why }) =>
          why === undefined ? [] : [{ service: instance, why: 'it does not answer' }],
        ),
      };
    },
    slos: async () => {
      await look();
      return watch.states();
    },
    close: () => clearInterval(timer),
  };
}

interface HealthEntry {
  readonly Service: {
    readonly ID: string;
    readonly Address: string;
    readonly Port: number;
    readonly Tags?: readonly string[] | null;
  };
  readonly Checks: readonly { readonly Status: string; readonly Output: string }[];
}

const ASK_MS = 3_000;

/** By Consul's own API, whichever registry it is. */
export async function seeRegistry(control: Control): Promise<RegistryView> {
  const { url, token } = await control.registry();
  const ask = async <T>(path: string): Promise<T> => {
    const headers = token === '' ? {} : { 'x-consul-token': token };
    const answer = await fetch(new URL(path, url), { headers, signal: AbortSignal.timeout(ASK_MS) });
    if (!answer.ok) throw Object.assign(new Error('the registry refused'), { code: `HTTP_${answer.status}` });
    return (await answer.json()) as T;
  };
  const services = Object.keys(await ask<Readonly<Record<string, unknown>>>('/v1/catalog/services'));
  const found = await Promise.all(
    services.map(async (service) => {
      const entries = await ask<readonly HealthEntry[]>(`/v1/health/service/${encodeURIComponent(service)}`);
      return entries.map((entry) => instanceOf(service, entry));
    }),
  );
  return { source: url, instances: found.flat() };
}

function instanceOf(service: string, { Service, Checks }: HealthEntry): InstanceRow {
  const has = (status: string) => Checks.some((check) => check.Status === status);
  return {
    ...{ service, id: Service.ID, address: `${Service.Address}:${Service.Port}` },
    status: has('critical') ? 'critical' : has('warning') ? 'warning' : 'passing',
    tags: Service.Tags ?? [],
    output: Checks.map(({ Output }) => Output)
      .filter((output) => output !== '')
      .join('; ')
      .slice(0, 300),
  };
}
