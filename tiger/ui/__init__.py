"""The only Streamlit code outside ``app.py`` and ``pages/``: state, forms, theme, page frame, exports, live view."""
