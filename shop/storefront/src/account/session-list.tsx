import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { sessionsQuery } from '../api/account.ts';
import { request } from '../api/request.ts';
import type { Session } from '../api/types.ts';
import { wordsOf } from '../api/words.ts';
import { formatTime } from '../orders/time.ts';
import { Failure } from '../ui/failure.tsx';

/** Where the account is signed in; whoever finds a stranger there shows them out. */
export function SessionList() {
  const sessions = useQuery(sessionsQuery);
  const end = useEnd();
  const others = sessions.data?.items.filter(({ isCurrent }) => !isCurrent) ?? [];
  return (
    <section className="panel" aria-labelledby="sessions">
      <h2 id="sessions">Where you are signed in</h2>
      {sessions.isError && (
        <Failure
          error={sessions.error}
          what="Your sessions cannot be shown"
          onRetry={() => void sessions.refetch()}
        />
      )}
      {sessions.isPending && <div className="skeleton skeleton-line" />}
      <ul className="rows">
        {sessions.data?.items.map((session) => (
          <Row key={session.id} session={session} onEnd={() => end.mutate(`/me/sessions/${session.id}`)} />
        ))}
      </ul>
      {end.isError && (
        <p className="field-error" role="alert">
          Not signed out. {wordsOf(end.error)}
        </p>
      )}
      {others.length > 1 && (
        <button
          type="button"
          className="button button-quiet"
          onClick={() => end.mutate('/me/sessions?keep=current')}
        >
          Sign out everywhere else
        </button>
      )}
    </section>
  );
}

function useEnd() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (path: string) => request<void>(path, { method: 'DELETE' }),
    onSettled: () => client.invalidateQueries({ queryKey: sessionsQuery.queryKey }),
  });
}

function Row({ session, onEnd }: { session: Session; onEnd: () => void }) {
  const device = session.device ?? 'Unknown device';
  return (
    <li>
      <span>
        <strong>{device}</strong>
        <span className="fine">
          {session.isCurrent ? 'This device' : `Last used ${formatTime(session.lastUsedAt)}`}
          {session.address && ` · ${session.address}`}
        </span>
      </span>
      {!session.isCurrent && (
        <button type="button" className="link" onClick={onEnd}>
          Sign out<span className="visually-hidden"> of {device}</span>
        </button>
      )}
    </li>
  );
}
