import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { addressesQuery } from '../api/account.ts';
import { request } from '../api/request.ts';
import type { Address, SavedAddress } from '../api/types.ts';
import { wordsOf } from '../api/words.ts';
import { AddressFields, NO_ADDRESS, trimmed } from '../checkout/address-fields.tsx';
import { ChangedElsewhere, isConflict } from './changed-elsewhere.tsx';

interface Props {
  /** What is edited; without it an address is added. */
  readonly saved?: SavedAddress;
  readonly onDone: () => void;
}

export function AddressForm({ saved, onDone }: Props) {
  const [address, setAddress] = useState<Address>(saved?.address ?? NO_ADDRESS);
  const client = useQueryClient();
  const reload = () => client.invalidateQueries({ queryKey: addressesQuery.queryKey });
  const save = useMutation({
    mutationFn: () => send(trimmed(address), saved),
    onSuccess: onDone,
    onSettled: reload,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!save.isPending) save.mutate();
  };
  return (
    <form
      onSubmit={submit}
      className="address-form"
      aria-label={saved ? 'Edit the address' : 'Add an address'}
    >
      <AddressFields value={address} onChange={setAddress} error={save.error} />
      {isConflict(save.error) && <ChangedElsewhere what="This address was" onDiscard={onDone} />}
      {save.isError && !isConflict(save.error) && (
        <p className="field-error" role="alert">
          Not saved. {wordsOf(save.error)}
        </p>
      )}
      <p className="dialog-buttons">
        <button type="submit" className="button" disabled={save.isPending}>
          {save.isPending ? 'Saving …' : 'Save address'}
        </button>
        <button type="button" className="button button-quiet" onClick={onDone}>
          Cancel
        </button>
      </p>
    </form>
  );
}

/** A change is of the version that was shown last: what somebody else made of it meanwhile is not overwritten unseen. */
function send(address: Address, saved: SavedAddress | undefined): Promise<SavedAddress> {
  if (saved === undefined) return request('/me/addresses', { method: 'POST', body: address });
  const headers = { 'If-Match': `"${saved.version}"` };
  return request(`/me/addresses/${encodeURIComponent(saved.id)}`, { method: 'PUT', body: address, headers });
}
