using Vitrine.Kvm.Abi;
using Xunit;
using static Vitrine.Kvm.Abi.KvmConstants;

namespace Vitrine.Tests.KvmServer.Events;

/// <summary>
/// Random ioctls with random structures, on eventfds that are open, closed and none, from several threads at once with a guest's accesses:
/// each is answered with a result or an error that KVM has, and the machine ends. VITRINE_FUZZ_CASES says how many calls a thread makes,
/// VITRINE_SEED which.
/// </summary>
public sealed unsafe class InterruptFuzzTests
{
    private const int Threads = 3;
    private static readonly ulong s_seed = RunSetting.Read("VITRINE_SEED", 1);
    private static readonly ulong s_calls = RunSetting.Read("VITRINE_FUZZ_CASES", 20_000);

    private static readonly uint[] s_requests =
    [
        KvmIoctl.KVM_GET_IRQCHIP, KvmIoctl.KVM_SET_IRQCHIP, KvmIoctl.KVM_GET_PIT, KvmIoctl.KVM_SET_PIT, KvmIoctl.KVM_GET_PIT2,
        KvmIoctl.KVM_SET_PIT2, KvmIoctl.KVM_REINJECT_CONTROL, KvmIoctl.KVM_IRQ_LINE, KvmIoctl.KVM_IRQ_LINE_STATUS,
        KvmIoctl.KVM_SET_GSI_ROUTING, KvmIoctl.KVM_SIGNAL_MSI, KvmIoctl.KVM_IRQFD, KvmIoctl.KVM_IOEVENTFD,
        KvmIoctl.KVM_REGISTER_COALESCED_MMIO, KvmIoctl.KVM_UNREGISTER_COALESCED_MMIO, KvmIoctl.KVM_CREATE_IRQCHIP,
        KvmIoctl.KVM_CREATE_PIT2,
    ];

    private static readonly int[] s_errors =
    [
        Errno.EPERM, Errno.ENOENT, Errno.ENXIO, Errno.EBADF, Errno.EBUSY, Errno.EEXIST, Errno.EINVAL, Errno.ENOSPC,
    ];

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void RandomCalls(int kind)
    {
        byte[] ring = GC.AllocateArray<byte>(4096, pinned: true);
        ClientEvent[] events = [.. Enumerable.Range(0, 6).Select(static i => new ClientEvent(blocks: i % 2 == 0))];
        List<Exception> failures = [];
        using (ServedVm vm = new())
        {
            int error = kind switch
            {
                0 => vm.Call(KvmIoctl.KVM_CREATE_IRQCHIP),
                1 => vm.EnableSplit(24),
                _ => 0,
            };
            Assert.Equal(0, error);
            Assert.Equal(0, vm.CreateVcpu());
            fixed (byte* page = ring) vm.Interrupts.AttachRing(page);
            int seed = (int)(s_seed * 100) + kind * 10;
            Thread[] threads = [.. Enumerable.Range(seed, Threads).Select(one => new Thread(() => Run(vm, one, events, failures)))];
            foreach (Thread thread in threads) thread.Start();
            foreach (Thread thread in threads) thread.Join();
        }

        foreach (ClientEvent one in events) one.Dispose();
        Assert.Empty(failures);
    }

    private static void Run(ServedVm vm, int seed, ClientEvent[] events, List<Exception> failures)
    {
        try
        {
            Random random = new(seed);
            for (ulong call = 0; call < s_calls; call++)
            {
                if (random.Next(4) == 0) Access(vm, random, events);
                else Call(vm, random, events);
            }
        }
#pragma warning disable CA1031 // It is reported by the test's own thread.
        catch (Exception error)
#pragma warning restore CA1031
        {
            lock (failures) failures.Add(new InvalidOperationException($"seed {seed}", error));
        }
    }

    private static void Call(ServedVm vm, Random random, ClientEvent[] events)
    {
        byte* argument = stackalloc byte[1024];
        random.NextBytes(new Span<byte>(argument, 1024));

        // Mostly small numbers: else nothing but errors would come of it.
        if (random.Next(8) != 0)
        {
            uint* words = (uint*)argument;
            for (int i = 0; i < 256; i++) words[i] = random.Next(3) == 0 ? 0 : words[i] % 32;
        }

        uint request = s_requests[random.Next(s_requests.Length)];
        switch (request)
        {
            case KvmIoctl.KVM_IRQFD:
                kvm_irqfd* irqfd = (kvm_irqfd*)argument;
                (irqfd->fd, irqfd->resamplefd) = ((uint)Descriptor(), (uint)Descriptor());
                if (random.Next(8) != 0) irqfd->flags &= KVM_IRQFD_FLAG_DEASSIGN | KVM_IRQFD_FLAG_RESAMPLE;
                break;
            case KvmIoctl.KVM_IOEVENTFD:
                kvm_ioeventfd* ioEvent = (kvm_ioeventfd*)argument;
                ioEvent->fd = Descriptor();
                ioEvent->addr = random.Next(4) == 0 ? ioEvent->addr : (ulong)(0x100 + random.Next(8));
                if (random.Next(8) != 0) (ioEvent->len, ioEvent->flags) = (1u << random.Next(4), ioEvent->flags & 7);
                break;
            case KvmIoctl.KVM_SET_GSI_ROUTING:
                ((kvm_irq_routing*)argument)->nr = (uint)random.Next(20);
                ((kvm_irq_routing*)argument)->flags = 0;
                break;
        }

        int result = vm.Call(request, argument);
        if (result < 0) Assert.Contains(-result, s_errors);

        int Descriptor() => random.Next(10) switch
        {
            0 => -1,
            1 => random.Next(),
            2 => 0,
            _ => events[random.Next(events.Length)].Number,
        };
    }

    private static void Access(ServedVm vm, Random random, ClientEvent[] events)
    {
        Span<byte> data = stackalloc byte[16];
        random.NextBytes(data);
        bool isWrite = random.Next(2) == 0;
        switch (random.Next(5))
        {
            case 0:
                events[random.Next(events.Length)].Add();
                break;
            case 1:
                events[random.Next(events.Length)].Take();
                break;
            case 2:
                vm.Interrupts.TryHandleMemory(0xFEC0_0000 + (ulong)random.Next(0x120), 1 << random.Next(4), isWrite, data);
                vm.Interrupts.TryHandleMemory((ulong)random.Next(0x120), 1 << random.Next(4), isWrite, data);
                break;
            case 3:
                vm.Interrupts.EndOfInterrupt(data[0]);
                break;
            default:
                ReadOnlySpan<ushort> ports = [0x20, 0x21, 0xA0, 0xA1, 0x4D0, 0x40, 0x43, 0x61, 0x100, 0x104];
                int size = 1 << random.Next(3);
                vm.Interrupts.TryHandlePort(ports[random.Next(ports.Length)], size, random.Next(1, 16 / size + 1), isWrite, data);
                break;
        }
    }
}
