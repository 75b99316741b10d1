import { type ComponentChildren, Fragment } from 'preact';
import { useApi } from '../api.ts';
import { ago, clock } from '../format.ts';
import { Cell, Empty, Head, Operators, Panel, Problem, Rows, useChange, wordsOf } from '../parts.tsx';
import { setFilter } from '../router.ts';
import type { IdentityView, Part, SessionRow, UserView } from '../shapes.ts';
import { NONE, Table } from '../table.tsx';
import { Loading } from './edges.tsx';

type Row = Readonly<Record<string, unknown>>;

export function IdentityPage({ query }: { readonly query: URLSearchParams }) {
  const search = query.get('search') ?? '';
  const { data, error, reload } = useApi<IdentityView>(`identity?search=${encodeURIComponent(search)}`);
  const { begin, view } = useChange(reload);
  return (
    <>
      <Head title="Identity" sub="accounts, applications and signing keys" />
      {view}
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          setFilter('search', String(new FormData(event.currentTarget).get('search') ?? ''));
        }}
      >
        <input
          type="search"
          name="search"
          defaultValue={search}
          placeholder="A part of address or name"
          aria-label="Search accounts"
        />
        <button type="submit">Find</button>
      </form>
      <Problem error={error} isStale={data !== undefined} />
      {!data && <Loading error={error} />}
      {data && (
        <>
          <Shown title={search ? 'Accounts' : 'Accounts, the newest'} part={data.users}>
            {(rows) => <Rows rows={rows} link={(id) => `/identity/${id}`} empty="None is found." />}
          </Shown>
          <div class="grid">
            <Shown title="Applications" part={data.clients}>
              {(rows) => <Rows rows={rows} empty="None." />}
            </Shown>
            <Shown
              title="Signing keys, as they are published"
              part={data.keys}
              right={
                <Operators>
                  <button
                    type="button"
                    onClick={() =>
                      begin({
                        title: 'Rotate keys',
                        consequence:
                          'New keys are published at once and sign an hour later. Tokens of the old ones hold to their end: nobody is refused.',
                        path: 'identity',
                        body: { action: 'rotate-keys' },
                      })
                    }
                  >
                    rotate
                  </button>
                </Operators>
              }
            >
              {(rows) => <Rows rows={rows} empty="None." />}
            </Shown>
          </div>
        </>
      )}
    </>
  );
}

function Shown(props: {
  readonly title: string;
  readonly part: Part<readonly Row[]>;
  readonly right?: ComponentChildren;
  readonly children: (rows: readonly Row[]) => ComponentChildren;
}) {
  const { title, part, right, children } = props;
  return (
    <Panel title={title} right={right}>
      {part.ok ? children(part.value) : <Empty>They are not known: {part.why}.</Empty>}
    </Panel>
  );
}

export function UserPage({ id }: { readonly id: string }) {
  const { data, error, reload } = useApi<UserView>(`identity/${encodeURIComponent(id)}`);
  const { begin, view } = useChange(reload);
  const isDisabled = data?.user['isDisabled'] === true;
  const change = (action: string, subject: string, title: string, consequence: string) =>
    begin({ title, consequence, path: 'identity', body: { action, subject } });
  return (
    <>
      <Head title={String(data?.user['email'] ?? '…')} sub={id}>
        {data && (
          <Operators>
            <button
              type="button"
              class={isDisabled ? '' : 'danger'}
              onClick={() =>
                isDisabled
                  ? change('enable-user', id, 'Enable', 'Its owner can sign in again.')
                  : change(
                      'disable-user',
                      id,
                      'Disable',
                      'Every session ends; nobody signs in to it until it is enabled.',
                    )
              }
            >
              {isDisabled ? 'Enable' : 'Disable'}
            </button>
          </Operators>
        )}
      </Head>
      {view}
      <Problem error={error} isStale={data !== undefined} />
      {!data && <Loading error={error} />}
      {data && (
        <>
          <Panel title="Account">
            <dl class="facts">
              {Object.entries(data.user).map(([name, value]) => (
                <Fragment key={name}>
                  <dt>{wordsOf(name)}</dt>
                  <dd>
                    <Cell name={name} value={value} />
                  </dd>
                </Fragment>
              ))}
            </dl>
          </Panel>
          <Sessions
            sessions={data.sessions}
            end={(session) =>
              change(
                'end-session',
                session,
                'End the session',
                'It ends with all its tokens, within seconds everywhere.',
              )
            }
          />
        </>
      )}
    </>
  );
}

function Sessions({
  sessions,
  end,
}: {
  readonly sessions: UserView['sessions'];
  readonly end: (id: string) => void;
}) {
  return (
    <Panel title="Where it is signed in">
      {sessions.ok ? (
        <Table<SessionRow>
          rows={sessions.value}
          keyOf={({ id }) => id}
          empty="Nowhere."
          columns={[
            { title: 'Device', look: 'wrap', of: ({ device }) => device ?? NONE },
            { title: 'Address', look: 'mono', of: ({ address }) => address ?? NONE },
            { title: 'Applications', of: ({ clientIds }) => clientIds.join(' ') },
            {
              title: 'Last used',
              look: 'tight',
              of: ({ lastUsedAt }) => <time title={clock(lastUsedAt)}>{ago(lastUsedAt)}</time>,
            },
            {
              title: 'Change',
              of: ({ id }) => (
                <Operators>
                  <button type="button" onClick={() => end(id)}>
                    end
                  </button>
                </Operators>
              ),
            },
          ]}
        />
      ) : (
        <Empty>They are not known: {sessions.why}.</Empty>
      )}
    </Panel>
  );
}
