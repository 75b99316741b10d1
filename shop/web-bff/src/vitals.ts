import type { Static } from '@flotilla/kernel';
import type { Logger, Metrics } from '@flotilla/telemetry';
import type { reportVitals } from '@shop/contracts';

type Report = Static<NonNullable<(typeof reportVitals)['body']>>;

/** Where pages are good, bearable and bad, by the thresholds of Core Web Vitals, and between. */
const SECONDS = [0.05, 0.1, 0.2, 0.35, 0.5, 0.8, 1.2, 1.8, 2.5, 4, 8];
const SHIFTS = [0.01, 0.02, 0.05, 0.1, 0.15, 0.25, 0.5, 1];

/** How fast pages are for people, as metrics and as events that name their trace. */
export function createVitals(metrics: Metrics, logger: Logger): (report: Report) => void {
  const durations = metrics.histogram(
    'browser_web_vital_seconds',
    'FCP, INP, LCP, TTFB in browsers.',
    SECONDS,
    ['name', 'page'],
  );
  const shifts = metrics.histogram('browser_layout_shift', 'CLS in browsers.', SHIFTS, ['page'], '{score}');
  return ({ page, vitals }) => {
    for (const { name, value } of vitals) {
      if (name === 'CLS') shifts.observe(value, { page });
      else durations.observe(value / 1_000, { name, page });
    }
    logger.debug({ event: 'browser.web_vital', page, vitals }, 'web vitals');
  };
}
