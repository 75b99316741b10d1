import { RequestError } from '../api/request.ts';
import { Notice } from '../ui/notice.tsx';

/** Somebody has changed it since it was shown here. */
export function isConflict(error: unknown): boolean {
  return error instanceof RequestError && error.code === 'version-changed';
}

/** `what` begins the sentence: `Your details were`. What was typed stays until somebody decides. */
export function ChangedElsewhere({ what, onDiscard }: { what: string; onDiscard: () => void }) {
  return (
    <Notice kind="warning" title={`${what} changed in another window or on another device`}>
      <p>Nothing was saved yet. Save again to keep what you have entered here.</p>
      <button type="button" className="button button-quiet button-small" onClick={onDiscard}>
        Discard my changes
      </button>
    </Notice>
  );
}
