import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { addressesQuery } from '../api/account.ts';
import { RequestError, request } from '../api/request.ts';
import type { Address } from '../api/types.ts';
import { wordsOf } from '../api/words.ts';
import { AddressFields, NO_ADDRESS } from '../checkout/address-fields.tsx';
import { Failure } from '../ui/failure.tsx';

/** Where things are sent to. A system without the service that keeps them has no such panel. */
export function AddressList() {
  const addresses = useQuery(addressesQuery);
  const [isAdding, setAdding] = useState(false);
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: (id: string) =>
      request<void>(`/me/addresses/${encodeURIComponent(id)}`, { method: 'DELETE' }),
    onSettled: () => client.invalidateQueries({ queryKey: addressesQuery.queryKey }),
  });
  if (addresses.error instanceof RequestError && addresses.error.status === 404) return null;
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
      <ul className="rows">
        {addresses.data?.items.map(({ id, address: { name, line1, postalCode, city, country } }) => (
          <li key={id}>
            <span>
              <strong>{name}</strong>
              <span className="fine">
                {line1}, {postalCode} {city}, {country}
              </span>
            </span>
            <button type="button" className="link" onClick={() => remove.mutate(id)}>
              Remove<span className="visually-hidden"> {line1}</span>
            </button>
          </li>
        ))}
      </ul>
      {remove.isError && (
        <p className="field-error" role="alert">
          Not removed. {wordsOf(remove.error)}
        </p>
      )}
      {isAdding ? (
        <NewAddress onDone={() => setAdding(false)} />
      ) : (
        addresses.data && (
          <button type="button" className="button button-quiet" onClick={() => setAdding(true)}>
            Add an address
          </button>
        )
      )}
    </section>
  );
}

function NewAddress({ onDone }: { onDone: () => void }) {
  const [address, setAddress] = useState<Address>(NO_ADDRESS);
  const client = useQueryClient();
  const add = useMutation({
    mutationFn: () => request('/me/addresses', { method: 'POST', body: address }),
    onSuccess: onDone,
    onSettled: () => client.invalidateQueries({ queryKey: addressesQuery.queryKey }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    add.mutate();
  };
  return (
    <form onSubmit={submit}>
      <AddressFields
        value={address}
        onChange={setAddress}
        errors={add.error instanceof RequestError ? add.error.errors : []}
      />
      {add.isError && (
        <p className="field-error" role="alert">
          Not added. {wordsOf(add.error)}
        </p>
      )}
      <p className="dialog-buttons">
        <button type="submit" className="button" disabled={add.isPending}>
          Save
        </button>
        <button type="button" className="button button-quiet" onClick={onDone}>
          Leave it
        </button>
      </p>
    </form>
  );
}
