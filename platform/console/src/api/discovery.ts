import type { ConsoleDeps, InstanceRow, Sample } from '../deps.ts';
import { part } from './partial.ts';

/** How old what a process knows of a service is. */
export interface KnownRow {
  readonly by: string;
  readonly service: string;
  readonly instances: number;
  /** Since the registry last said so. */
  readonly ageSeconds: number;
}

/** Who is registered, in what health, and what each process knows of it. */
export async function readDiscovery(deps: ConsoleDeps): Promise<object> {
  const [registry, scraped] = await Promise.all([part(deps.registry), part(deps.scrape)]);
  const known = scraped.ok ? knownOf(scraped.value.samples) : [];
  return {
    registry: registry.ok
      ? { ok: true, value: { ...registry.value, instances: worstFirst(registry.value.instances) } }
      : registry,
    known,
    missing: scraped.ok ? scraped.value.missing : [{ service: 'every process', why: scraped.why }],
  };
}

const WEIGHTS: Readonly<Record<string, number>> = { critical: 2, warning: 1 };

function worstFirst(instances: readonly InstanceRow[]): readonly InstanceRow[] {
  const weight = ({ status }: InstanceRow) => WEIGHTS[status] ?? 0;
  return instances.toSorted((a, b) => weight(b) - weight(a) || a.id.localeCompare(b.id));
}

export function knownOf(samples: readonly Sample[]): readonly KnownRow[] {
  const sizes = samples.filter(({ metric }) => metric === 'discovery_instances');
  const rows = samples
    .filter(({ metric }) => metric === 'discovery_age_seconds')
    .map(({ labels, value }): KnownRow => {
      const by = labels['job'] ?? '';
      const service = labels['service'] ?? '';
      const size = sizes.find(({ labels: own }) => own['job'] === by && own['service'] === service);
      return { by, service, instances: size?.value ?? 0, ageSeconds: value };
    });
  return rows.toSorted((a, b) => b.ageSeconds - a.ageSeconds);
}
