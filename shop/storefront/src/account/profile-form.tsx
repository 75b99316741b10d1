import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useId, useState } from 'react';
import { profileQuery } from '../api/account.ts';
import { fieldWords } from '../api/field-words.ts';
import { RequestError, request } from '../api/request.ts';
import type { Profile, ProfileChange } from '../api/types.ts';
import { wordsOf } from '../api/words.ts';
import { Failure } from '../ui/failure.tsx';
import { Field } from '../ui/field.tsx';
import { ChangedElsewhere, isConflict } from './changed-elsewhere.tsx';

/** Name, language, and what somebody is written about. A system without the service that keeps them has no such panel. */
export function ProfilePanel() {
  const profile = useQuery(profileQuery);
  if (profile.error instanceof RequestError && profile.error.status === 404) return null;
  return (
    <section className="panel" aria-labelledby="profile">
      <h2 id="profile">Your details</h2>
      {profile.data ? (
        <ProfileForm profile={profile.data} />
      ) : profile.isError ? (
        <Failure
          error={profile.error}
          what="Your details cannot be shown"
          onRetry={() => void profile.refetch()}
        />
      ) : (
        <div className="skeleton skeleton-block" aria-hidden="true" />
      )}
    </section>
  );
}

/** Languages in which there are mails, by their own names. */
const LANGUAGES = { en: 'English', de: 'Deutsch' } as const;

/** What was typed and not saved; everything else is as the server has it. */
type Draft = Partial<Pick<Profile, 'name' | 'locale' | 'notifications'>>;

function ProfileForm({ profile }: { profile: Profile }) {
  const [draft, setDraft] = useState<Draft>({});
  const save = useSave(profile, () => setDraft({}));
  const { name, locale, notifications } = { ...profile, ...draft };
  const isChanged = Object.keys(draft).length > 0;
  const change = (part: Draft) => {
    setDraft({ ...draft, ...part });
    if (save.isSuccess) save.reset();
  };
  const discard = () => {
    setDraft({});
    save.reset();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isChanged && !save.isPending)
      save.mutate({ ...draft, ...(draft.name && { name: draft.name.trim() }) });
  };
  return (
    <form onSubmit={submit} className="fields fields-one narrow">
      <Field
        label="Name"
        name="name"
        autoComplete="name"
        required
        maxLength={200}
        value={name}
        onChange={(event) => change({ name: event.target.value })}
        error={fieldWords(save.error, 'name')}
      />
      <LanguageField
        value={locale}
        onChange={(next) => change({ locale: next })}
        error={fieldWords(save.error, 'locale')}
      />
      <fieldset className="checks">
        <legend>Send me mails about</legend>
        <Check
          isOn={notifications.orders}
          onChange={(orders) => change({ notifications: { ...notifications, orders } })}
        >
          my orders: received, confirmed, cancelled, refunded
        </Check>
        <Check
          isOn={notifications.shipping}
          onChange={(shipping) => change({ notifications: { ...notifications, shipping } })}
        >
          parcels on their way
        </Check>
        <p className="hint">You are always written to about your account and its security.</p>
      </fieldset>
      <Outcome error={save.error} onDiscard={discard} />
      <p className="dialog-buttons">
        <button type="submit" className="button" disabled={!isChanged || save.isPending}>
          {save.isPending ? 'Saving …' : 'Save changes'}
        </button>
        <span role="status" className="saved">
          {save.isSuccess && 'Saved'}
        </span>
      </p>
    </form>
  );
}

/** Of the version that is shown: what was changed elsewhere meanwhile is not overwritten unseen. */
function useSave(profile: Profile, onSaved: () => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (change: ProfileChange) =>
      request<Profile>('/me', {
        method: 'PATCH',
        body: change,
        headers: { 'If-Match': `"${profile.version}"` },
      }),
    onSuccess: (saved) => {
      client.setQueryData(profileQuery.queryKey, saved);
      onSaved();
    },
    onError: async (error) => {
      if (isConflict(error)) await client.invalidateQueries({ queryKey: profileQuery.queryKey });
    },
  });
}

function Outcome({ error, onDiscard }: { error: Error | null; onDiscard: () => void }) {
  if (error === null) return null;
  if (isConflict(error)) return <ChangedElsewhere what="Your details were" onDiscard={onDiscard} />;
  return (
    <p className="field-error" role="alert">
      Not saved. {wordsOf(error)}
    </p>
  );
}

interface LanguageProps {
  readonly value: string;
  readonly onChange: (locale: string) => void;
  readonly error: string | undefined;
}

function LanguageField({ value, onChange, error }: LanguageProps) {
  const id = useId();
  // `de-AT` is read in German: what narrows a language down stays as it is until somebody chooses another.
  const known = Object.keys(LANGUAGES).find((language) => value.split('-')[0] === language);
  return (
    <div className="field">
      <label htmlFor={id}>Language of mails</label>
      <select id={id} name="locale" value={known ?? value} onChange={(event) => onChange(event.target.value)}>
        {Object.entries(LANGUAGES).map(([language, name]) => (
          <option key={language} value={language} lang={language}>
            {name}
          </option>
        ))}
        {known === undefined && <option value={value}>{value} (mails are in English)</option>}
      </select>
      {error && <p className="field-error">{error}</p>}
    </div>
  );
}

interface CheckProps {
  readonly isOn: boolean;
  readonly onChange: (isOn: boolean) => void;
  readonly children: ReactNode;
}

function Check({ isOn, onChange, children }: CheckProps) {
  return (
    <label className="check">
      <input type="checkbox" checked={isOn} onChange={(event) => onChange(event.target.checked)} />
      <span>{children}</span>
    </label>
  );
}
