import { useUser } from '../session/use-user.ts';
import { Failure } from './failure.tsx';

/** In the place of what belongs to whoever is signed in, as long as nobody knows who that is. */
export function UserUnknown() {
  const { error, retry } = useUser();
  if (error) return <Failure error={error} what="We cannot see whether you are signed in" onRetry={retry} />;
  return <div className="skeleton skeleton-block" aria-hidden="true" />;
}
