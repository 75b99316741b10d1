import { useQuery } from '@tanstack/react-query';
import { addressesQuery } from '../api/account.ts';
import type { Address } from '../api/types.ts';

/** Addresses of the account, when its service is there and has some: otherwise the fields below are enough. */
export function AddressBook({ onChoose }: { onChoose: (address: Address) => void }) {
  const { data } = useQuery({ ...addressesQuery, retry: false });
  if (!data || data.items.length === 0) return null;
  return (
    <ul className="addresses">
      {data.items.slice(0, 4).map(({ id, address }) => (
        <li key={id}>
          <button type="button" className="address" onClick={() => onChoose(address)}>
            <strong>{address.name}</strong>
            <span>{address.line1}</span>
            <span>
              {address.postalCode} {address.city}, {address.country}
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}
