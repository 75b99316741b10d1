import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { addressesQuery } from '../api/account.ts';
import { RequestError, request } from '../api/request.ts';
import type { SavedAddress } from '../api/types.ts';
import { wordsOf } from '../api/words.ts';
import { nameOfCountry } from '../checkout/address-fields.tsx';
import { Failure } from '../ui/failure.tsx';
import { AddressForm } from './address-form.tsx';

/** Where things are sent to. A system without the service that keeps them has no such panel. */
export function AddressList() {
  const addresses = useQuery(addressesQuery);
  const [edited, setEdited] = useState<string>();
  if (addresses.error instanceof RequestError && addresses.error.status === 404) return null;
  const close = () => setEdited(undefined);
  return (
    <section className="panel" aria-labelledby="addresses">
      <h2 id="addresses">Addresses</h2>
      {addresses.isError && (
        <Failure
          error={addresses.error}
          what="Your addresses cannot be shown"
          onRetry={() => void addresses.refetch()}
        />
      )}
      {addresses.isPending && <div className="skeleton skeleton-line" />}
      {addresses.data?.items.length === 0 && edited === undefined && (
        <p className="fine">None yet. Those that you add can be chosen at checkout.</p>
      )}
      <ul className="rows">
        {addresses.data?.items.map((saved) =>
          saved.id === edited ? (
            <li key={saved.id}>
              <AddressForm saved={saved} onDone={close} />
            </li>
          ) : (
            <Row key={saved.id} saved={saved} onEdit={() => setEdited(saved.id)} />
          ),
        )}
      </ul>
      {edited === NEW ? (
        <AddressForm onDone={close} />
      ) : (
        addresses.data && (
          <button type="button" className="button button-quiet" onClick={() => setEdited(NEW)}>
            Add an address
          </button>
        )
      )}
    </section>
  );
}

/** In the place of an id: the one that is being added. */
const NEW = 'new';

function Row({ saved, onEdit }: { saved: SavedAddress; onEdit: () => void }) {
  const { id, isDefault, version, address } = saved;
  const client = useQueryClient();
  const path = `/me/addresses/${encodeURIComponent(id)}`;
  const reload = () => client.invalidateQueries({ queryKey: addressesQuery.queryKey });
  const remove = useMutation({
    mutationFn: () => request<void>(path, { method: 'DELETE', headers: { 'If-Match': `"${version}"` } }),
    onSettled: reload,
  });
  const prefer = useMutation({
    mutationFn: () => request<void>(`${path}/default`, { method: 'PUT' }),
    onSettled: reload,
  });
  const error = remove.error ?? prefer.error;
  const isBusy = remove.isPending || prefer.isPending;
  const which = <span className="visually-hidden"> {address.line1}</span>;
  return (
    <li>
      <span>
        <span className="row-name">
          <strong>{address.name}</strong> {isDefault && <span className="tag">Default</span>}
        </span>
        <span className="fine">
          {address.line1}, {address.postalCode} {address.city}, {nameOfCountry(address.country)}
        </span>
        {error && (
          <span className="field-error" role="alert">
            Not changed. {wordsOf(error)}
          </span>
        )}
      </span>
      <span className="row-actions">
        {!isDefault && (
          <button type="button" className="link" onClick={() => prefer.mutate()} disabled={isBusy}>
            Make default{which}
          </button>
        )}
        <button type="button" className="link" onClick={onEdit} disabled={isBusy}>
          Edit{which}
        </button>
        <button type="button" className="link" onClick={() => remove.mutate()} disabled={isBusy}>
          Remove{which}
        </button>
      </span>
    </li>
  );
}
