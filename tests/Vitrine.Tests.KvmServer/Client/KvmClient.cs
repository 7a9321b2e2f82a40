using Vitrine.Kvm.Abi;
using Vitrine.KvmServer;
using Vitrine.Memory;
using Xunit;

namespace Vitrine.Tests.KvmServer.Client;

/// <summary>A client of the served KVM in this process: a virtual machine, its memory, one vCPU or more. What it asks for must succeed.</summary>
internal sealed unsafe class KvmClient : IDisposable
{
    // SAFETY: structures are on the stack of the caller for the time of a call; the memory lives as long as the client.
    private readonly List<int> _descriptors = [];

    public KvmClient(KvmHostOptions? options = null, ulong bytes = 1 << 20)
    {
        Host = new KvmHost(options);
        System = Keep(Host.Open());
        Vm = Keep((int)Host.Ioctl(System, KvmIoctl.KVM_CREATE_VM, 0));
        Memory = new HostMapping(bytes);
    }

    public KvmHost Host { get; }

    public int System { get; }

    public int Vm { get; }

    /// <summary>What slot 0 shows from address 0 on, once <see cref="AddMemory"/> has been called.</summary>
    public HostMapping Memory { get; }

    public Span<byte> Bytes => new(Memory.Pointer, (int)Memory.Size);

    /// <summary>Runs real-mode code at 0x1000 on a machine without interrupt controllers.</summary>
    public static KvmClient WithRealModeCode(ReadOnlySpan<byte> code, KvmHostOptions? options = null)
    {
        KvmClient client = new(options);
        client.AddMemory();
        code.CopyTo(client.Bytes[0x1000..]);
        int vcpu = client.AddVcpu(0);
        client.StartRealMode(vcpu, 0x1000);
        return client;
    }

    /// <summary>The first vCPU.</summary>
    public int Vcpu { get; private set; } = -1;

    public void AddMemory(uint slot = 0, ulong address = 0, uint flags = 0)
    {
        kvm_userspace_memory_region region = new()
        {
            slot = slot,
            flags = flags,
            guest_phys_addr = address,
            memory_size = Memory.Size,
            userspace_addr = (ulong)Memory.Pointer,
        };
        Assert.Equal(0, Set(Vm, KvmIoctl.KVM_SET_USER_MEMORY_REGION, region));
    }

    public int AddVcpu(int id)
    {
        int vcpu = Keep((int)Host.Ioctl(Vm, KvmIoctl.KVM_CREATE_VCPU, (ulong)id));
        if (Vcpu < 0) Vcpu = vcpu;
        return vcpu;
    }

    public void StartRealMode(int vcpu, ulong rip)
    {
        kvm_sregs sregs = Get<kvm_sregs>(vcpu, KvmIoctl.KVM_GET_SREGS);
        sregs.cs.@base = 0;
        sregs.cs.selector = 0;
        Assert.Equal(0, Set(vcpu, KvmIoctl.KVM_SET_SREGS, sregs));
        Assert.Equal(0, Set(vcpu, KvmIoctl.KVM_SET_REGS, new kvm_regs { rip = rip, rflags = 2, rsp = 0x8000 }));
    }

    /// <summary>Closes a descriptor before the client's end.</summary>
    public void Close(int descriptor)
    {
        Assert.True(_descriptors.Remove(descriptor));
        Assert.Equal(0, Host.Close(descriptor));
    }

    /// <summary>The page struct kvm_run.</summary>
    public ref kvm_run Page(int vcpu)
    {
        fixed (byte* page = Host.Map(vcpu)) return ref *(kvm_run*)page;
    }

    /// <summary>The data of port accesses.</summary>
    public Span<byte> PortData(int vcpu) => Host.Map(vcpu).Slice(4096, 4096);

    public long Run(int vcpu) => Host.Ioctl(vcpu, KvmIoctl.KVM_RUN, 0);

    /// <summary>Runs to the next exit and returns its reason.</summary>
    public uint RunToExit(int vcpu)
    {
        Assert.Equal(0, Run(vcpu));
        return Page(vcpu).exit_reason;
    }

    public long Set<T>(int descriptor, uint request, T argument)
        where T : unmanaged => Host.Ioctl(descriptor, request, (ulong)&argument);

    public T Get<T>(int descriptor, uint request)
        where T : unmanaged
    {
        T result = default;
        Assert.Equal(0, Host.Ioctl(descriptor, request, (ulong)&result));
        return result;
    }

    public void Dispose()
    {
        foreach (int descriptor in _descriptors) Host.Close(descriptor);
        Host.Dispose();
        Memory.Dispose();
    }

    private int Keep(int descriptor)
    {
        Assert.True(descriptor >= 0, $"A descriptor was refused: {Errno.Name(-descriptor)}.");
        _descriptors.Add(descriptor);
        return descriptor;
    }
}
