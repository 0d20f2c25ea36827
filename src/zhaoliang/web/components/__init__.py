"""The design system: template tags, partials, icons, and the gallery that shows them (docs/design-system.md)."""
