using Vitrine.Kvm.Abi;
using Vitrine.KvmServer;
using Vitrine.Memory;
using Xunit;

namespace Vitrine.Tests.KvmServer;

/// <summary>
/// A client that makes calls at random: numbers, structures, order, descriptors that are duplicated, closed and used again, from several threads. Whatever it does, a call
/// returns a result or an error number, and none is a fault of the server.
/// </summary>
/// <remarks>VITRINE_KVM_CALLS raises the number of calls, VITRINE_SEED chooses them.</remarks>
public sealed unsafe class FuzzTests
{
    // SAFETY: arguments are addresses of a buffer that lives as long as the fuzzer, or addresses that are nobody's.
    private const int Threads = 2;

    private static readonly uint[] s_requests =
        [.. typeof(KvmIoctl).GetFields().Select(static field => (uint)field.GetRawConstantValue()!)];

    // What a guest would run for ever is kept out of the way by a signal.
    [Fact]
    public void NothingThatAClientDoesIsTheServersFault()
    {
        int calls = (int)RunSetting.Read("VITRINE_KVM_CALLS", 40_000);
        int seed = (int)RunSetting.Read("VITRINE_SEED", (ulong)Random.Shared.Next());
        using KvmHost host = new();
        Exception? failure = null;
        Thread[] threads = new Thread[Threads];
        for (int i = 0; i < Threads; i++)
        {
            int number = i;
            threads[i] = new Thread(() =>
            {
                try
                {
                    new Fuzzer(host, seed + number).Run(calls / Threads);
                }
                catch (Exception e)
                {
                    failure = e;
                }
            });
            threads[i].Start();
        }

        foreach (Thread thread in threads) thread.Join();
        Assert.Null(failure);
        Assert.True(host.LastDefect is null, $"Seed {seed}: {host.LastDefect}");
    }

    private sealed class Fuzzer : IDisposable
    {
        private const int BufferBytes = 64 << 10;

        private readonly KvmHost _host;
        private readonly Random _random;
        private readonly HostMapping _buffer = new(BufferBytes);
        private readonly HostMapping _memory = new(1 << 20);
        private readonly List<int> _descriptors = [];
        private readonly Thread _kicker;
        private volatile bool _ends;
        private volatile int _running = -1;

        public Fuzzer(KvmHost host, int seed)
        {
            _host = host;
            _random = new Random(seed);
            _random.NextBytes(new Span<byte>(_memory.Pointer, 1 << 20));
            _kicker = new Thread(Kick);
            _kicker.Start();
        }

        public void Run(int calls)
        {
            for (int i = 0; i < calls; i++) Step();
            Dispose();
        }

        public void Dispose()
        {
            _ends = true;
            _kicker.Join();
            foreach (int descriptor in _descriptors) _host.Close(descriptor);
            _buffer.Dispose();
        }

        private void Kick()
        {
            while (!_ends)
            {
                Thread.Sleep(1);
                int running = _running;
                if (running >= 0) _host.Interrupt(running);
            }
        }

        private void Step()
        {
            if (_descriptors.Count == 0 || _random.Next(400) == 0)
            {
                Keep(_host.Open());
                return;
            }

            int index = _random.Next(_descriptors.Count);
            int descriptor = _descriptors[index];
            switch (_random.Next(200))
            {
                case 0:
                    Keep(KvmHost.Duplicate(descriptor));
                    return;
                case 1:
                    _descriptors.RemoveAt(index);
                    _host.Close(descriptor);
                    return;
                case < 12:
                    MakeMachine(descriptor);
                    return;
                default:
                    Call(descriptor);
                    return;
            }
        }

        private void MakeMachine(int descriptor)
        {
            if (_descriptors.Count > 40)
            {
                int oldest = _descriptors[0];
                _descriptors.RemoveAt(0);
                _host.Close(oldest);
                return;
            }

            int made = (int)_host.Ioctl(descriptor, KvmIoctl.KVM_CREATE_VM, 0);
            if (made < 0)
            {
                kvm_userspace_memory_region region = new()
                {
                    slot = (uint)_random.Next(3),
                    memory_size = 1 << 20,
                    userspace_addr = (ulong)_memory.Pointer,
                    flags = (uint)_random.Next(4),
                };
                _host.Ioctl(descriptor, KvmIoctl.KVM_SET_USER_MEMORY_REGION, (ulong)&region);
                if (_random.Next(2) == 0) _host.Ioctl(descriptor, KvmIoctl.KVM_CREATE_IRQCHIP, 0);
                made = (int)_host.Ioctl(descriptor, KvmIoctl.KVM_CREATE_VCPU, (ulong)_random.Next(4));
            }

            if (made >= 0) Keep(made);
        }

        private void Call(int descriptor)
        {
            uint request = _random.Next(50) == 0 ? (uint)(0xAE00 | _random.Next(256)) : s_requests[_random.Next(s_requests.Length)];
            ulong argument = _random.Next(8) switch
            {
                0 => 0,
                1 => (ulong)_random.NextInt64(long.MinValue, long.MaxValue),
                2 => (ulong)_random.Next(70),
                _ => (ulong)(_buffer.Pointer + FillBuffer()),
            };
            if (request is KvmIoctl.KVM_SET_USER_MEMORY_REGION or KvmIoctl.KVM_SET_USER_MEMORY_REGION2)
            {
                // A slot over memory that is somebody else's would let the guest write there, as it would with the kernel's KVM.
                ((kvm_userspace_memory_region*)_buffer.Pointer)->userspace_addr = (ulong)_memory.Pointer;
                ((kvm_userspace_memory_region*)_buffer.Pointer)->memory_size &= 0xFF000;
                argument = (ulong)_buffer.Pointer;
            }

            bool runs = request == KvmIoctl.KVM_RUN;
            if (runs) _running = descriptor;
            long result = _host.Ioctl(descriptor, request, runs ? 0 : argument);
            _running = -1;
            Assert.True(result >= -4095, $"{request:x} returned {result}.");
            if (result >= 0 && request is KvmIoctl.KVM_CREATE_VM or KvmIoctl.KVM_CREATE_VCPU && result > 2) Keep((int)result);
        }

        // Mostly small numbers, for those are valid most often.
        private int FillBuffer()
        {
            Span<byte> buffer = new(_buffer.Pointer, BufferBytes / 8);
            switch (_random.Next(3))
            {
                case 0:
                    _random.NextBytes(buffer);
                    break;
                case 1:
                    buffer.Clear();
                    for (int i = 0; i < 12; i++) buffer[4 * _random.Next(24)] = (byte)_random.Next(6);
                    break;
                default:
                    for (int i = 0; i < 6; i++) buffer[_random.Next(400)] ^= (byte)(1 << _random.Next(8));
                    break;
            }

            // Sometimes at the end of what is mapped.
            return _random.Next(20) == 0 ? BufferBytes - _random.Next(1, 64) : 0;
        }

        private void Keep(int descriptor)
        {
            if (descriptor >= 0) _descriptors.Add(descriptor);
        }
    }
}
