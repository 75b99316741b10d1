import { createEventStore, createProjectionRunner, type ProjectionRunner } from '@flotilla/event-store';
import type { RouteHandler } from '@flotilla/http';
import type { NewId } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { Logger, Metrics } from '@flotilla/telemetry';
import type { Catalogue } from './catalogue.ts';
import { recommendationRoutes } from './http.ts';
import { peopleRoutes } from './people.ts';
import { alsoBought } from './purchases.ts';
import { createRanking, type Ranking } from './ranking.ts';
import { createShopperStore } from './shopper-store.ts';
import { recommendationSubscriptions } from './subscriptions.ts';

export interface RecommendationDeps {
  readonly db: Database;
  readonly catalogue: Catalogue;
  readonly newId: NewId;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface RecommendationApp {
  readonly handlers: readonly RouteHandler[];
  readonly subscriptions: ReturnType<typeof recommendationSubscriptions>;
  /** Counts what the log says, and counts it anew beside that when an operator asks for it. */
  readonly projections: ProjectionRunner;
  readonly ranking: Ranking;
}

export function createRecommendationApp(deps: RecommendationDeps): RecommendationApp {
  const { db, catalogue, newId } = deps;
  const projections = createProjectionRunner({ ...deps, projections: [alsoBought] });
  const events = createEventStore({ projections: [alsoBought], onCommit: () => projections.nudge() });
  const shoppers = createShopperStore(db);
  const ranking = createRanking(db);
  return {
    handlers: [...recommendationRoutes({ ranking, catalogue, shoppers }), ...peopleRoutes(db)],
    subscriptions: recommendationSubscriptions({ events, shoppers, newId }),
    projections,
    ranking,
  };
}
