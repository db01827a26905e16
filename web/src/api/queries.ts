import { QueryClient } from "@tanstack/react-query";
import { asServiceError } from "./problem";

/** The cache of everything the dashboard has read; live hints make its entries stale. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      refetchOnWindowFocus: true,
      retry: (failures, error) => {
        const { status } = asServiceError(error);
        return failures < 2 && (status === 0 || status === 429 || status >= 500);
      },
    },
  },
});
