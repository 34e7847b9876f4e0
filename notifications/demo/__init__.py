"""What `manage.py demo` fills an installation with: people, halls, a programme, and seats that were sold."""
