import { toError } from '@flotilla/kernel';
import type { InstanceStatus } from '../control/client.ts';
import { parseSamples, type Sample } from './measure.ts';
import type { ScrapeTarget } from './render.ts';

const SCRAPE_MS = 4_000;

/** A process that was asked, and what it said; `why` it did not. */
export interface Scraped {
  readonly service: string;
  readonly instance: string;
  readonly samples: readonly Sample[];
  readonly why?: string;
}

export interface ProcessTarget extends ScrapeTarget {
  readonly instance: string;
}

/** Processes of services that tell their metrics; those of the platform beside them have none of the system's. */
export function scrapeTargets(
  instances: readonly InstanceStatus[],
  services: Readonly<Record<string, unknown>>,
): readonly ProcessTarget[] {
  return instances.flatMap(({ service, instance, url, admin }) => {
    const at = admin ?? url;
    return at === null || !Object.hasOwn(services, service) ? [] : [{ service, instance, url: at }];
  });
}

/** A process that does not answer counts for nothing, and is named. */
export async function scrape({ service, instance, url }: ProcessTarget): Promise<Scraped> {
  try {
    const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(SCRAPE_MS) });
    if (!answer.ok) return { service, instance, samples: [], why: `status ${answer.status}` };
    return { service, instance, samples: parseSamples(await answer.text(), service) };
  } catch (error) {
    return { service, instance, samples: [], why: toError(error).message };
  }
}
