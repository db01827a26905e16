import "@fontsource-variable/inter/wght.css";
import "./ui/base.css";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { queryClient } from "./api/queries";
import { shareSession } from "./api/session";
import { App } from "./app/App";

const root = document.getElementById("root");
if (!root) throw new Error("The page has no #root element.");

shareSession();
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <App />
    </QueryClientProvider>
  </StrictMode>,
);
