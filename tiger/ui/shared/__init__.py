"""What all pages share: state, layout, forms, exports, live charts."""
