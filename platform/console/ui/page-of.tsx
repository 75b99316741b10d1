import type { JSX } from 'preact';
import { AuditPage } from './pages/audit.tsx';
import { DiscoveryPage } from './pages/discovery.tsx';
import { EdgesPage } from './pages/edges.tsx';
import { GatewaysPage, RoutePage } from './pages/gateways.tsx';
import { IdentityPage, UserPage } from './pages/identity.tsx';
import { LogsPage } from './pages/logs.tsx';
import { LettersPage, MessagesPage } from './pages/messages.tsx';
import { MetricPage, MetricsPage } from './pages/metrics.tsx';
import { OverviewPage } from './pages/overview.tsx';
import { StreamPage, StreamsPage } from './pages/projections.tsx';
import { InvariantsPage, SlosPage } from './pages/promises.tsx';
import { RecordPage, RecordsPage } from './pages/records.tsx';
import { SagaPage, SagasPage } from './pages/sagas.tsx';
import { ServicePage, ServicesPage } from './pages/services.tsx';
import { TracePage } from './pages/trace.tsx';
import { TracesPage } from './pages/traces.tsx';
import type { Place } from './router.ts';

interface Asked {
  readonly first: string;
  readonly second: string;
  readonly query: URLSearchParams;
  /** Records that the overview links to. */
  readonly record: string | undefined;
}

/** By the first part of the address. What a page is about is its key: another one begins afresh. */
const PAGES: Readonly<Record<string, (asked: Asked) => JSX.Element>> = {
  '': ({ record }) => <OverviewPage record={record} />,
  records: ({ first, second, query }) =>
    second ? (
      <RecordPage key={second} kind={first} id={second} />
    ) : (
      <RecordsPage kind={first} query={query} />
    ),
  sagas: ({ first, second, query }) =>
    second ? <SagaPage key={second} service={first} id={second} /> : <SagasPage query={query} />,
  messages: ({ first, query }) => (first ? <LettersPage service={first} query={query} /> : <MessagesPage />),
  streams: ({ first, second, query }) =>
    second ? <StreamPage key={second} service={first} id={second} /> : <StreamsPage query={query} />,
  invariants: ({ query }) => <InvariantsPage query={query} />,
  services: ({ first }) => (first ? <ServicePage key={first} service={first} /> : <ServicesPage />),
  gateways: ({ first, second, query }) =>
    second ? <RoutePage key={second} gateway={first} id={second} /> : <GatewaysPage query={query} />,
  discovery: () => <DiscoveryPage />,
  edges: () => <EdgesPage />,
  identity: ({ first, query }) =>
    first ? <UserPage key={first} id={first} /> : <IdentityPage query={query} />,
  slos: () => <SlosPage />,
  traces: ({ first, query }) =>
    first ? <TracePage key={first} id={first} query={query} /> : <TracesPage query={query} />,
  logs: ({ query }) => <LogsPage query={query} />,
  metrics: ({ first, query }) =>
    first ? <MetricPage key={first} name={first} query={query} /> : <MetricsPage query={query} />,
  audit: () => <AuditPage />,
};

export function pageOf({ path, query }: Place, record: string | undefined): JSX.Element {
  const [page = '', first = '', second = ''] = path.slice(1).split('/').map(decodeURIComponent);
  const show = Object.hasOwn(PAGES, page) ? PAGES[page] : undefined;
  return show ? show({ first, second, query, record }) : <p class="notice bad">There is no such page.</p>;
}
