import { Page } from "@/ui/Page";

export default function ModelsPage() {
  return (
    <Page title="ModelsPage" documentTitle="ModelsPage">
      <p>ModelsPage</p>
    </Page>
  );
}
