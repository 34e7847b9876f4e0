# The production image: web, worker, beat and migrate are four commands of it. Databases are elsewhere.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 EVENTLY_ENV=production EVENTLY_MEDIA_ROOT=/var/lib/evently/media
WORKDIR /srv/evently

COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt

RUN useradd --system --uid 10001 --no-create-home evently && install -d -o evently /var/lib/evently/media
COPY . .

# Collecting static files reads the settings; these values satisfy them and stay in this step.
RUN SECRET_KEY=build EVENTLY_JWT_KEY=build-build-build-build-build-build EVENTLY_TICKET_KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= \
    DATABASE_URL=postgres://build REDIS_URL=redis://build ALLOWED_HOSTS=build EVENTLY_SITE_URL=https://build EMAIL_URL=dummymail:// \
    python manage.py collectstatic --noinput

USER evently
VOLUME /var/lib/evently/media
EXPOSE 8000
CMD ["gunicorn", "evently.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", "--threads", "4", "--worker-tmp-dir", "/dev/shm", "--access-logfile", "-"]
